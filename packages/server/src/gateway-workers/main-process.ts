import type { MessagePort } from "node:worker_threads";
import type { PutAttributes } from "../objects/object-catalogue.ts";
import type { LatencyHistogram } from "../serving/latency-histogram.ts";
import type { EndpointName } from "../serving/routing/routing-table.ts";
import type { VariantCounters } from "../serving/variant-metrics.ts";
import type { FromWorker, HistogramData, RouteChange, ToWorker, VariantCounts } from "./messages.ts";

/** What the main process asks of a worker. */
interface Worker {
  route(change: RouteChange): void;
  drain(graceMs: number): Promise<void>;
}

/** The main process as one of its workers sees it. */
export class MainProcess {
  readonly #port: MessagePort;
  readonly #waiting = new Map<number, { resolve(): void; reject(error: Error): void }>();
  #tickets = 0;

  constructor(port: MessagePort) {
    this.#port = port;
  }

  /** Hears what it asks from now on; what it has asked before is heard then. */
  listen(worker: Worker): void {
    this.#port.on("message", (message: ToWorker) => {
      if (message.kind === "done") return this.#done(message.ticket, message.failure);
      if (message.kind === "route") {
        worker.route(message.change);
        return this.#tell({ kind: "done", ticket: message.ticket });
      }
      // Requests that were cut off may still be under way in a model: the thread does not wait for them.
      return void worker.drain(message.graceMs).finally(() => process.exit());
    });
  }

  listening(port: number): void {
    this.#tell({ kind: "listening", port });
  }

  /** An instance refused or dropped a connection. */
  suspect(runId: string): void {
    this.#tell({ kind: "suspected", runId });
  }

  /** Has it look for an endpoint. Its route has come when this resolves, if there is one. */
  find(endpoint: EndpointName): Promise<void> {
    return this.#ask((ticket) => ({ kind: "find", ticket, endpoint }));
  }

  /** Stores an object that was captured. */
  async put(bucket: string, key: string, body: AsyncIterable<Uint8Array>, attributes?: PutAttributes): Promise<void> {
    const parts: Uint8Array[] = [];
    for await (const part of body) parts.push(part);
    const bytes = new Uint8Array(Buffer.concat(parts));
    await this.#ask((ticket) => ({ kind: "put", ticket, object: { bucket, key, bytes, attributes } }));
  }

  /** Hands over what was counted since the last time. */
  count(counters: VariantCounters): void {
    const counts: VariantCounts[] = [];
    for (const { account, region, endpoint, variant, config, counter } of counters.all()) {
      const period = counter.take();
      if (period.invocations === 0 && period.refused === 0) continue;
      const { model, overhead, ...numbers } = period;
      counts.push({
        ...{ account, region, endpoint, variant, ...numbers },
        ...(config !== undefined && { config }),
        ...{ model: dataOf(model), overhead: dataOf(overhead) },
      });
    }
    if (counts.length > 0) this.#tell({ kind: "counted", counts });
  }

  #ask(question: (ticket: number) => FromWorker): Promise<void> {
    const ticket = ++this.#tickets;
    return new Promise((resolve, reject) => {
      this.#waiting.set(ticket, { resolve, reject });
      this.#tell(question(ticket));
    });
  }

  #done(ticket: number, failure: string | undefined): void {
    const waiter = this.#waiting.get(ticket);
    this.#waiting.delete(ticket);
    if (failure === undefined) waiter?.resolve();
    else waiter?.reject(new Error(failure));
  }

  #tell(message: FromWorker): void {
    this.#port.postMessage(message);
  }
}

function dataOf({ count, sumMs, leastMs, mostMs, counts }: LatencyHistogram): HistogramData {
  return { count, sumMs, leastMs, mostMs, counts };
}
