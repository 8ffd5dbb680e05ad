import { systemTimers, type Timers } from "../../reconcile/timers.ts";
import { type RecordKey, type Write, WriteConflict } from "../../store/store.ts";
import type { CountedFor } from "../counted-values.ts";
import type { EndpointValue } from "../fleet.ts";
import { serviceUnavailable } from "../invoke/model-errors.ts";
import type { Backend } from "../routing/backend.ts";
import type { EndpointName, EndpointRoute, RoutingTable } from "../routing/routing-table.ts";
import { type AsyncWorld, answerRequest, expire } from "./answer-request.ts";
import { type AsyncRequest, asyncKey, asyncKind, runPrefixOf, type Waiting } from "./async-request.ts";
import { freeSlot, type Slot } from "./free-slot.ts";
import { WaitingLine } from "./waiting-line.ts";

/** Most requests of one endpoint that are not answered yet. */
export const maxBacklog = 100_000;
/** Instances that may die with a request in them before it has failed. */
const mostBroken = 2;
/** Before a request goes to another instance: whoever looks after instances needs a moment to notice. */
const elsewhereMs = 250;
/** Before the next attempt after the store or the disk has failed. */
const troubleMs = 5_000;
const sweepMs = 5_000;

/** The requests of one endpoint. */
interface Queue {
  readonly endpoint: EndpointName;
  readonly runPrefix: string;
  readonly line: WaitingLine;
  /** Requests in each instance, by run id. */
  readonly busy: Map<string, number>;
  /** In instances, or waiting for a moment. */
  away: number;
  /** Aborted when the endpoint goes. */
  readonly gone: AbortController;
}

/** What queues work with. */
export interface AsyncQueuesOptions extends AsyncWorld {
  readonly routes: RoutingTable;
  /** Has an instance looked at that refused or dropped a connection. */
  readonly suspected: (runId: string) => void;
  readonly timers?: Timers;
}

/**
 * Requests that are answered later. The records are the queue: a request is accepted once its record is safe, and its record
 * goes once it is answered, so that a server that dies loses none. Held here are their names and times only, whatever
 * waits behind them. Instances take as many at once as the endpoint allows; where there are none, requests wait.
 */
export class AsyncQueues {
  readonly #options: AsyncQueuesOptions;
  readonly #timers: Timers;
  readonly #queues = new Map<string, Queue>();
  readonly #running = new Set<Promise<void>>();
  readonly #planned = new Set<() => void>();
  #isClosed = false;

  constructor(options: AsyncQueuesOptions) {
    this.#options = options;
    this.#timers = options.timers ?? systemTimers;
  }

  /** Takes up what waited before a restart. */
  async open(): Promise<void> {
    const { store, routes } = this.#options;
    routes.onChange((endpoint) => this.#changed(endpoint));
    let token: string | undefined;
    do {
      const page = await store.list<AsyncRequest>({ kind: asyncKind, limit: 1_000, ...(token && { token }) });
      for (const { account, region, name, value } of page.records) {
        const queue = this.#queue({ account, region, name: value.endpoint }, runPrefixOf(name));
        queue.line.add({ name, receivedAt: value.receivedAt, expiresAt: value.expiresAt, broken: 0 });
      }
      token = page.next;
    } while (token !== undefined);
    for (const queue of this.#queues.values()) {
      if (await this.#isLeft(queue)) this.#pump(queue);
      else await this.#purge(queue);
    }
    this.#plan(sweepMs, () => this.#sweepAgain());
  }

  /**
   * Accepts a request; resolves when it survives kill -9 and power loss.
   * @param id - Names it among those of its endpoint.
   * @throws ServiceError ServiceUnavailable when too many wait.
   */
  async add(endpoint: EndpointName, runPrefix: string, id: string, request: AsyncRequest): Promise<void> {
    const queue = this.#queue(endpoint, runPrefix);
    if (this.#sizeOf(queue) >= maxBacklog) {
      throw serviceUnavailable(`Endpoint ${endpoint.name} has ${maxBacklog} requests in its backlog. Try again later.`);
    }
    const { receivedAt, expiresAt } = request;
    const key = asyncKey(endpoint, runPrefix, receivedAt, id);
    // Counted while it is written: ten thousand at once must not pass the limit together.
    queue.away += 1;
    try {
      await this.#options.store.write([{ op: "create", key, value: request }]);
    } finally {
      queue.away -= 1;
    }
    queue.line.add({ name: key.name, receivedAt, expiresAt, broken: 0 });
    if (queue.gone.signal.aborted) await this.#purge(queue);
    else this.#pump(queue);
  }

  /** Fails requests that have waited for too long. */
  async sweep(): Promise<void> {
    const now = this.#options.clock.now();
    for (const queue of this.#queues.values()) {
      for (const waiting of queue.line.takeExpired(now)) await this.#expire(queue, waiting);
    }
  }

  /** Notes how much waits, for every asynchronous endpoint. */
  measure(): void {
    const { routes, counters, clock } = this.#options;
    for (const { account, region, name, runPrefix, variants } of routes.asynchronous()) {
      const whose = { account, region, endpoint: name, variant: undefined };
      const instances = variants.reduce((sum, { backends }) => sum + backends.length, 0);
      const queue = this.#queues.get(runPrefix);
      const size = queue === undefined ? 0 : this.#sizeOf(queue);
      const oldest = queue?.line.oldest;
      counters.note(whose, "ApproximateBacklogSize", size);
      counters.note(whose, "ApproximateBacklogSizePerInstance", size / Math.max(1, instances));
      counters.note(whose, "HasBacklogWithoutCapacity", size > 0 && instances === 0 ? 1 : 0);
      counters.note(whose, "ApproximateAgeOfOldestRequest", oldest === undefined ? 0 : (clock.now() - oldest) / 1_000);
    }
  }

  /** How many requests of an endpoint are not answered yet. */
  backlog(runPrefix: string): number {
    const queue = this.#queues.get(runPrefix);
    return queue === undefined ? 0 : this.#sizeOf(queue);
  }

  /** Breaks off what is under way: it is done again after the next start. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const cancel of this.#planned) cancel();
    this.#planned.clear();
    for (const { gone } of this.#queues.values()) gone.abort();
    await Promise.all(this.#running);
  }

  #sizeOf({ line, away }: Queue): number {
    return line.size + away;
  }

  #queue({ account, region, name }: EndpointName, runPrefix: string): Queue {
    let queue = this.#queues.get(runPrefix);
    if (queue === undefined) {
      const endpoint = { account, region, name };
      queue = { endpoint, runPrefix, line: new WaitingLine(), busy: new Map(), away: 0, gone: new AbortController() };
      this.#queues.set(runPrefix, queue);
    }
    return queue;
  }

  #changed(endpoint: EndpointName): void {
    for (const queue of this.#queues.values()) {
      const { account, region, name } = queue.endpoint;
      if (name !== endpoint.name || account !== endpoint.account || region !== endpoint.region) continue;
      if (this.#routeOf(queue) !== undefined) this.#pump(queue);
      else this.#track(this.#isLeft(queue).then(async (isLeft) => (isLeft ? undefined : await this.#purge(queue))));
    }
  }

  #routeOf({ endpoint, runPrefix }: Queue): EndpointRoute | undefined {
    const route = this.#options.routes.lookup(endpoint);
    return route?.runPrefix === runPrefix ? route : undefined;
  }

  /** Whether the endpoint is there, and stays. */
  async #isLeft({ endpoint, runPrefix }: Queue): Promise<boolean> {
    const record = await this.#options.store.get<EndpointValue>({ ...endpoint, kind: "endpoint" });
    return record !== undefined && record.status !== "Deleting" && record.value.runPrefix === runPrefix;
  }

  /** Drops the requests of an endpoint that is gone. */
  async #purge(queue: Queue): Promise<void> {
    queue.gone.abort();
    const { store } = this.#options;
    const { account, region } = queue.endpoint;
    const query = { kind: asyncKind, account, region, prefix: `${queue.runPrefix}/`, limit: 500 };
    for (;;) {
      const { records } = await store.list(query);
      if (records.length === 0) break;
      const writes = records.map(({ kind, name }): Write => ({ op: "delete", key: { account, region, kind, name } }));
      try {
        await store.write(writes);
      } catch (error) {
        // One was just answered: look again.
        if (!(error instanceof WriteConflict)) throw error;
      }
    }
    this.#queues.delete(queue.runPrefix);
  }

  /** Gives instances what they have room for. */
  #pump(queue: Queue): void {
    if (this.#isClosed || queue.gone.signal.aborted) return;
    const route = this.#routeOf(queue);
    if (route?.asynchronous === undefined) return;
    while (queue.line.size > 0) {
      const slot = freeSlot(route, route.asynchronous.concurrency, queue.busy);
      if (slot === undefined) return;
      this.#begin(queue, slot, queue.line.take() as Waiting);
    }
  }

  #begin(queue: Queue, slot: Slot, waiting: Waiting): void {
    const { runId } = slot.backend;
    queue.away += 1;
    queue.busy.set(runId, (queue.busy.get(runId) ?? 0) + 1);
    const end = (): void => {
      const left = (queue.busy.get(runId) ?? 1) - 1;
      if (left === 0) queue.busy.delete(runId);
      else queue.busy.set(runId, left);
    };
    this.#track(
      this.#attempt(queue, slot, waiting, end)
        .finally(() => (queue.away -= 1))
        .then(() => this.#pump(queue)),
    );
  }

  /** @param freed - The instance has room again. */
  async #attempt(queue: Queue, { backend, variant }: Slot, waiting: Waiting, freed: () => void): Promise<void> {
    const { store, clock, counters, log } = this.#options;
    const whose: CountedFor = { ...placeOf(queue), variant };
    let again: { readonly waiting: Waiting; readonly afterMs: number } | undefined;
    try {
      const record = await store.get<AsyncRequest>(this.#keyOf(queue, waiting));
      if (record !== undefined && waiting.expiresAt <= clock.now()) await expire(this.#options, record, whose);
      else if (record !== undefined) {
        if (waiting.broken === 0) counters.note(whose, "TimeInBacklog", Math.max(0, clock.now() - waiting.receivedAt));
        const mayGoElsewhere = waiting.broken + 1 < mostBroken;
        const end = await answerRequest(this.#options, { record, whose, backend, mayGoElsewhere }, queue.gone.signal);
        if (end !== "done") {
          this.#suspect(backend);
          const broken = waiting.broken + (end === "broken" ? 1 : 0);
          again = { waiting: { ...waiting, broken }, afterMs: elsewhereMs };
        }
      }
    } catch (error) {
      if (queue.gone.signal.aborted) return;
      log.error("an asynchronous request will be tried again", { endpoint: queue.endpoint.name, error });
      again = { waiting, afterMs: troubleMs };
    } finally {
      freed();
    }
    if (again === undefined) return;
    const { waiting: next, afterMs } = again;
    queue.away += 1;
    this.#plan(afterMs, () => {
      queue.away -= 1;
      queue.line.putBack(next);
      this.#pump(queue);
    });
  }

  #suspect(backend: Backend): void {
    backend.suspect = true;
    this.#options.suspected(backend.runId);
  }

  async #expire(queue: Queue, waiting: Waiting): Promise<void> {
    const variant = this.#routeOf(queue)?.variants[0]?.name;
    try {
      const record = await this.#options.store.get<AsyncRequest>(this.#keyOf(queue, waiting));
      if (record !== undefined) await expire(this.#options, record, { ...placeOf(queue), variant });
    } catch (error) {
      this.#options.log.error("an expired request was not ended", { endpoint: queue.endpoint.name, error });
      queue.line.putBack(waiting);
    }
  }

  #keyOf({ endpoint: { account, region } }: Queue, { name }: Waiting): RecordKey {
    return { account, region, kind: asyncKind, name };
  }

  #sweepAgain(): void {
    this.#track(this.sweep().finally(() => this.#plan(sweepMs, () => this.#sweepAgain())));
  }

  #plan(afterMs: number, run: () => void): void {
    if (this.#isClosed) return;
    const cancel = this.#timers.after(afterMs, () => {
      this.#planned.delete(cancel);
      run();
    });
    this.#planned.add(cancel);
  }

  #track(work: Promise<unknown>): void {
    const running: Promise<void> = work
      .then(() => {})
      .catch((error: unknown) => this.#options.log.error("an asynchronous queue failed", { error }))
      .finally(() => this.#running.delete(running));
    this.#running.add(running);
  }
}

function placeOf({ endpoint: { account, region, name } }: Queue) {
  return { account, region, endpoint: name };
}
