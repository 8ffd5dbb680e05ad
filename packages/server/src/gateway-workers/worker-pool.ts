import type { Configuration } from "../configuration.ts";
import type { Credentials } from "../gateway/credentials.ts";
import { type EndpointValue, instancesOf } from "../serving/fleet.ts";
import { LatencyHistogram } from "../serving/latency-histogram.ts";
import type { Serving } from "../serving/open-serving.ts";
import type { InstanceLoads } from "../serving/routing/instance-load.ts";
import type { EndpointName, EndpointRecord } from "../serving/routing/routing-table.ts";
import type { CapturedObject, FromWorker, HistogramData, RouteChange, WorkerOrder } from "./messages.ts";
import { type MainDuties, WorkerThread } from "./worker-thread.ts";

/** A worker that lived shorter than this is started again ever more seldom. */
const shortLifeMs = 10_000;
const [firstPauseMs, mostPauseMs] = [100, 10_000];

/** What a pool stands on. */
export interface PoolParts {
  readonly configuration: Configuration;
  readonly root: Credentials;
  readonly serving: Serving;
  readonly loads: InstanceLoads;
  /** The main process's listener. */
  readonly socket: string;
  readonly workers: number;
  /** Free when 0. */
  readonly port: number;
}

/** The gateway's workers: starts them, keeps their routes, adds up what they counted, and replaces those that die. */
export class WorkerPool {
  readonly #parts: PoolParts;
  readonly #threads = new Map<number, WorkerThread>();
  readonly #listening = new Set<WorkerThread>();
  /** What there is, for workers that start later; without a record where an endpoint has gone. */
  readonly #records = new Map<string, readonly [EndpointName, EndpointRecord | undefined]>();
  #port: number;
  #pauseMs = 0;
  #isReading = true;
  #isClosing = false;

  private constructor(parts: PoolParts) {
    this.#parts = parts;
    this.#port = parts.port;
  }

  /** Starts every worker. The first one listens when this resolves, and the others soon after. @throws When it cannot. */
  static async start(parts: PoolParts): Promise<WorkerPool> {
    const pool = new WorkerPool(parts);
    try {
      await pool.#readRecords();
      // The first one finds the port, where any will do.
      await pool.#begin(1);
      // Whoever cannot listen ends, and is started again as one that died.
      for (let worker = 2; worker <= parts.workers; worker++) pool.#begin(worker).catch(() => undefined);
      return pool;
    } catch (error) {
      pool.#isClosing = true;
      await Promise.all([...pool.#threads.values()].map((thread) => thread.terminate()));
      throw error;
    }
  }

  get port(): number {
    return this.#port;
  }

  /** Workers that listen now. */
  get size(): number {
    return this.#listening.size;
  }

  /** Stops accepting and waits for requests under way up to `graceMs`. */
  async close(graceMs: number): Promise<void> {
    this.#isClosing = true;
    // One that does not listen yet has nothing to end.
    const end = (thread: WorkerThread) => (this.#listening.has(thread) ? thread.drain(graceMs) : thread.terminate());
    await Promise.all([...this.#threads.values()].map(end));
  }

  /** Ends a worker as a crash of it would: for tests. */
  async crash(worker: number): Promise<void> {
    await this.#threads.get(worker)?.terminate();
  }

  /** What changes while the store is read is newer than what is read. */
  async #readRecords(): Promise<void> {
    const { routes, store } = this.#parts.serving;
    routes.follow(async (endpoint, record) => {
      this.#records.set(idOf(endpoint), [endpoint, record]);
      const change = this.#changeOf(endpoint, record);
      await Promise.all([...this.#threads.values()].map((thread) => thread.route(change)));
      // It may be there again, or the store still be read as it was before.
      if (!this.#isReading && this.#records.get(idOf(endpoint))?.[1] === undefined) {
        this.#records.delete(idOf(endpoint));
      }
    });
    let token: string | undefined;
    do {
      const page = await store.list<EndpointValue>({ kind: "endpoint", limit: 1_000, ...(token && { token }) });
      for (const record of page.records) {
        if (!this.#records.has(idOf(record))) this.#records.set(idOf(record), [nameOf(record), record]);
      }
      token = page.next;
    } while (token !== undefined);
    this.#isReading = false;
  }

  #changeOf(endpoint: EndpointName, record: EndpointRecord | undefined): RouteChange {
    const instances = record === undefined ? [] : instancesOf(record.value);
    return {
      ...{ endpoint, record },
      loads: instances.map(({ runId }) => [runId, this.#parts.loads.of(runId).cells] as const),
    };
  }

  async #begin(worker: number): Promise<void> {
    const { configuration, root, socket, workers, serving } = this.#parts;
    const order: WorkerOrder = {
      ...{ worker, workers, root, socket, port: this.#port },
      // Keys of objects are none of its business.
      configuration: { ...configuration, masterKey: {} },
      routes: [...this.#records.values()].map(([endpoint, record]) => this.#changeOf(endpoint, record)),
      ...(serving.invocationTimeoutMs !== undefined && { invocationTimeoutMs: serving.invocationTimeoutMs }),
    };
    const thread = new WorkerThread(order, this.#duties());
    this.#threads.set(worker, thread);
    const startedAt = performance.now();
    void thread.ended.then((why) => this.#ended(worker, thread, why, performance.now() - startedAt));
    this.#port = await thread.listening;
    this.#listening.add(thread);
  }

  #ended(worker: number, thread: WorkerThread, why: string, livedMs: number): void {
    if (this.#threads.get(worker) === thread) this.#threads.delete(worker);
    this.#listening.delete(thread);
    this.#parts.loads.clear(worker);
    if (this.#isClosing) return;
    this.#pauseMs = livedMs > shortLifeMs ? 0 : Math.min(mostPauseMs, this.#pauseMs * 2 + firstPauseMs);
    const { log } = this.#parts.serving;
    log.error("a gateway worker died; another one takes its place", { worker, why, afterMs: this.#pauseMs });
    setTimeout(() => {
      if (this.#isClosing) return;
      // A failure to listen ends the thread, which brings us here again.
      this.#begin(worker).catch(() => undefined);
    }, this.#pauseMs).unref();
  }

  #duties(): MainDuties {
    const { serving } = this.#parts;
    return {
      counted: ({ counts }) => this.#count(counts),
      suspected: serving.suspected,
      carryOut: (message) => (message.kind === "find" ? this.#find(message.endpoint) : this.#put(message.object)),
    };
  }

  async #find(endpoint: EndpointName): Promise<void> {
    await this.#parts.serving.routes.refresh(endpoint);
  }

  async #put({ bucket, key, bytes, attributes }: CapturedObject): Promise<void> {
    await this.#parts.serving.objects.put(bucket, key, once(bytes), attributes);
  }

  #count(counts: Extract<FromWorker, { kind: "counted" }>["counts"]): void {
    for (const { model, overhead, ...numbers } of counts) {
      const counter = this.#parts.serving.metrics.find(numbers);
      counter?.merge({ ...numbers, model: histogramOf(model), overhead: histogramOf(overhead) });
    }
  }
}

function histogramOf({ counts, ...numbers }: HistogramData): LatencyHistogram {
  return Object.assign(new LatencyHistogram(counts), numbers);
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

function nameOf({ account, region, name }: EndpointName): EndpointName {
  return { account, region, name };
}

function idOf({ account, region, name }: EndpointName): string {
  return `${account}/${region}/${name}`;
}
