import type { InstanceLoads } from "../serving/routing/instance-load.ts";
import { needsMain } from "../serving/routing/needs-main.ts";
import type { EndpointName, EndpointRoute, Routes, RoutingTable } from "../serving/routing/routing-table.ts";
import type { RouteChange } from "./messages.ts";

interface Parts {
  readonly table: RoutingTable;
  readonly loads: InstanceLoads;
  /** Has the main process look for an endpoint that is not in the table. */
  readonly find: (endpoint: EndpointName) => Promise<void>;
}

const invocation = /^\/endpoints\/([A-Za-z0-9-]{1,63})\/invocations(?:-response-stream)?$/u;

/** The routes of one gateway worker, as the main process tells them. */
export class RoutedEndpoints implements Routes {
  readonly #parts: Parts;
  /** Endpoints by their bare names that the main process alone can serve: which account asks is not known before its signature is. */
  readonly #ofMain = new Map<string, Set<string>>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Whether a request of this address is an invocation that a worker can serve. */
  serves(url: string): boolean {
    const name = invocation.exec(url)?.[1];
    return name !== undefined && !this.#ofMain.has(name);
  }

  change({ endpoint, record, loads }: RouteChange): void {
    for (const [runId, cells] of loads) this.#parts.loads.share(runId, cells);
    this.#parts.table.take(endpoint, record);
    const variants = this.lookup(endpoint)?.variants ?? [];
    // Requests may have to wait for an instance, which they do in the main process.
    const lacks = variants.some(({ backends }) => backends.length === 0);
    this.#note(endpoint, record !== undefined && (lacks || needsMain(record.value)));
  }

  lookup(endpoint: EndpointName): EndpointRoute | undefined {
    return this.#parts.table.lookup(endpoint);
  }

  async refresh(endpoint: EndpointName): Promise<EndpointRoute | undefined> {
    await this.#parts.find(endpoint);
    return this.lookup(endpoint);
  }

  #note({ account, region, name }: EndpointName, isOfMain: boolean): void {
    const owners = this.#ofMain.get(name) ?? new Set();
    if (isOfMain) owners.add(`${account}/${region}`);
    else owners.delete(`${account}/${region}`);
    if (owners.size > 0) this.#ofMain.set(name, owners);
    else this.#ofMain.delete(name);
  }
}
