import { ServiceError } from "../../../errors.ts";
import { again, type Outcome } from "../../../reconcile/reconcile.ts";
import { type EndpointValue, fleetOf } from "../../../serving/fleet.ts";
import type { StoredRecord, Write } from "../../../store/store.ts";
import type { OperationPlace } from "../../service.ts";
import { recordUpdate } from "../endpoint/update.ts";
import { recordEndpointConfig } from "../endpoint-config/create.ts";
import { endpointConfigs } from "../endpoint-config/resource.ts";
import type { Input } from "../operation.ts";
import { dropTags } from "../tags/tags-record.ts";
import type { EndpointChange } from "./experiment.ts";

/** How far a change of an endpoint is. */
export type Deployed =
  | { readonly state: "there"; readonly config: string }
  | { readonly state: "failed"; readonly reason: string }
  | { readonly state: "waits"; readonly outcome: Outcome };

interface DeployerOptions {
  readonly place: OperationPlace;
  readonly endpoint: StoredRecord<EndpointValue>;
  readonly change: EndpointChange;
  /** The configuration was not there before. */
  readonly isOurs: boolean;
  /** The configuration, made when it is not there. */
  readonly make: (name: string) => Promise<Input<"CreateEndpointConfig">>;
  /** Goes into the transaction that asks the endpoint to change. */
  readonly noteAsked: Write;
  readonly lookEveryMs: number;
}

/** Brings an endpoint to a configuration as UpdateEndpoint does, so that whatever dies, it is asked exactly once. */
export class Deployer {
  readonly #options: DeployerOptions;

  constructor(options: DeployerOptions) {
    this.#options = options;
  }

  /** A step further. @throws WriteConflict when whoever asks has changed. */
  async step(): Promise<Deployed> {
    const deployed = await this.#step();
    // Nobody could know what a configuration was for that never served.
    if (deployed.state === "failed" && this.#options.isOurs) await this.#dropConfig();
    return deployed;
  }

  async #step(): Promise<Deployed> {
    const { endpoint, change, lookEveryMs } = this.#options;
    const { status, value } = endpoint;
    if (status === "Failed") return { state: "failed", reason: `Endpoint ${endpoint.name} has failed.` };
    // Whatever it is doing comes to an end first.
    if (status !== "InService") return { state: "waits", outcome: again(lookEveryMs) };
    const isThere = fleetOf(value, "active")?.configName === change.config;
    if (isThere) return { state: "there", config: change.config };
    if (change.isAsked) {
      const reason = value.failureReason ?? `Endpoint ${endpoint.name} was updated to another configuration meanwhile.`;
      return { state: "failed", reason };
    }
    try {
      await this.#ask();
      return { state: "waits", outcome: again(lookEveryMs) };
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error;
      const now = await this.#options.place.platform.store.get(endpoint);
      // Somebody else's change was faster: what comes of it is seen at the next look.
      if (now?.version !== endpoint.version) return { state: "waits", outcome: again(lookEveryMs) };
      return { state: "failed", reason: error.message };
    }
  }

  async #ask(): Promise<void> {
    const { place, endpoint, change, make, noteAsked } = this.#options;
    const known = await place.platform.store.get(endpointConfigs.key(place.scope, change.config));
    if (known === undefined) await recordEndpointConfig(await make(change.config), place);
    const update = { EndpointName: endpoint.name, EndpointConfigName: change.config };
    await recordUpdate(update, place, [noteAsked]);
  }

  async #dropConfig(): Promise<void> {
    const { place, change } = this.#options;
    const { store } = place.platform;
    const key = endpointConfigs.key(place.scope, change.config);
    if ((await store.get(key)) === undefined) return;
    const tags = await dropTags(store, place.scope, endpointConfigs.arn(place.scope, change.config));
    await store.write([{ op: "delete", key }, ...tags]);
  }
}
