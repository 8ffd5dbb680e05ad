import { invariant } from "../../errors.ts";
import type { Log } from "../../log.ts";
import type { RecordKey, Store, StoredRecord } from "../../store/store.ts";
import type { AsyncSettings } from "../asynchronous/async-settings.ts";
import type { Capture, Captures } from "../capture/capture.ts";
import { type ComponentValue, componentOfLabel, recordOfRoute, routeName } from "../components/component.ts";
import { servedKinds, servedRecords } from "../components/served-records.ts";
import { shareOf } from "../deployment.ts";
import {
  type EndpointValue,
  type Fleet,
  fleetOf,
  plainMetrics,
  productionVariants,
  shadowVariants,
  type Variant,
} from "../fleet.ts";
import type { ServerlessSettings } from "../serverless/serverless-settings.ts";
import type { ShadowRoute } from "../shadow/shadow-copies.ts";
import { Shadows } from "../shadow/shadows.ts";
import type { VariantCounter, VariantCounters } from "../variant-metrics.ts";
import { Backend, defaultRequestsPerInstance } from "./backend.ts";
import { InstanceLoads } from "./instance-load.ts";
import type { MeasuredVariant } from "./measured-variant.ts";
import { type Targets, targetsOf } from "./targets.ts";

/** One variant as requests see it. */
export interface VariantRoute extends MeasuredVariant {
  /** The configuration that its fleet is of. */
  readonly config: string;
  /** 0 also while it is stopped. */
  readonly weight: number;
  /** Its fleet's share of the endpoint's traffic: during a deployment two fleets have variants of one name. */
  readonly share: number;
  /** It has no instances because none are wanted. */
  readonly isStopped: boolean;
  /** Its instances have no model of their own. */
  readonly hostsComponents: boolean;
  readonly isRandom: boolean;
  readonly desiredInstanceCount: number;
  /** It has instances while there are requests. */
  readonly serverless?: ServerlessSettings;
  /** Keeps some of its requests, where that is asked for. */
  readonly capture: Capture | undefined;
  readonly counter: VariantCounter;
  /** What requests name besides the variant, where its instances have more than one container or model. */
  readonly targets: Targets | undefined;
  /** Gets copies of some of its requests. */
  readonly shadow: ShadowRoute | undefined;
}

/** One endpoint as requests see it. */
export interface EndpointRoute {
  readonly name: string;
  /** Of an inference component: the endpoint that it is on. */
  readonly endpoint?: string;
  readonly variants: readonly VariantRoute[];
  readonly totalWeight: number;
  /** Tells it from a namesake that was deleted. */
  readonly runPrefix: string;
  readonly isServerless: boolean;
  /** It answers later, to S3. */
  readonly asynchronous?: AsyncSettings;
}

/** A variant with what it is a part of. */
export interface RoutedVariant {
  readonly account: string;
  readonly region: string;
  readonly endpoint: string;
  readonly variant: MeasuredVariant;
}

/** The part of a record's key that requests know. */
export interface EndpointName {
  readonly account: string;
  readonly region: string;
  readonly name: string;
}

/** What invocations need of a table. */
export interface Routes {
  /** The way to an endpoint, when it serves. */
  lookup(endpoint: EndpointName): EndpointRoute | undefined;
  /** Looks at the endpoint's record again. @returns The way to it, when it serves. */
  refresh(endpoint: EndpointName): Promise<EndpointRoute | undefined>;
}

/** An endpoint's record as it was read last; `undefined` when there is none. */
export type EndpointRecord = StoredRecord<EndpointValue>;

/** Where a table reads records. */
type RecordSource = Pick<Store, "get" | "list" | "watch">;

/** What a table works with. */
export interface RoutingOptions {
  readonly counters: VariantCounters;
  readonly captures: Captures;
  readonly log: Log;
  /** Shared with other gateway workers, where there are some. */
  readonly loads?: InstanceLoads;
  /** Most requests in one instance at once. */
  readonly requestsPerInstance?: number;
}

/**
 * Where requests go, in memory: a cache of the `endpoint` records, kept fresh by the store's watch. A watch is a hint,
 * so an endpoint that is not in the table is read from the store before a caller is told that it does not exist.
 */
export class RoutingTable implements Routes {
  readonly #options: RoutingOptions;
  readonly #loads: InstanceLoads;
  readonly #routes = new Map<string, EndpointRoute & EndpointName & { readonly version: number }>();
  readonly #backends = new Map<string, Backend>();
  /** Run ids of each endpoint's backends, to close those that left. */
  readonly #owned = new Map<string, ReadonlySet<string>>();
  readonly #listeners = new Set<(endpoint: EndpointName) => void>();
  /** Copies of requests to shadow variants, under way and counted. */
  readonly shadows = new Shadows();
  /** Tells the tables of other threads; see `follow`. */
  #follower: ((endpoint: EndpointName, record: EndpointRecord | undefined) => Promise<void>) | undefined;
  /** What followers have not said yet that they know, by endpoint. */
  readonly #spreading = new Map<string, Promise<void>>();
  #store: RecordSource | undefined;
  #unwatch: (() => void) | undefined;

  constructor(options: RoutingOptions) {
    this.#options = options;
    this.#loads = options.loads ?? new InstanceLoads();
  }

  /** Reads every endpoint there is and follows changes from then on. */
  async open(store: RecordSource): Promise<void> {
    const { log } = this.#options;
    this.#store = store;
    this.#unwatch = store.watch(servedKinds, (key) => {
      this.refresh(routeName(key)).catch((error: unknown) =>
        log.error("route not refreshed", { endpoint: key.name, error }),
      );
    });
    for await (const record of servedRecords(store)) this.#apply(routed(record));
  }

  /** The way to an endpoint, when it serves. */
  lookup(endpoint: EndpointName): EndpointRoute | undefined {
    return this.#routes.get(idOf(endpoint));
  }

  /**
   * Reads one endpoint's record again. Whoever waits for it may rely on every follower going by what was read.
   * @returns The way to it, when it serves.
   */
  async refresh(endpoint: EndpointName): Promise<EndpointRoute | undefined> {
    const { account, region } = endpoint;
    const key: RecordKey = { account, region, ...recordOfRoute(endpoint.name) };
    invariant(this.#store, "a table that reads records was opened");
    const record = await this.#store.get<EndpointValue>(key);
    this.take(endpoint, record && routed(record));
    await this.#spreading.get(idOf(endpoint));
    return this.lookup(endpoint);
  }

  /** Goes by this record from now on. */
  take(endpoint: EndpointName, record: EndpointRecord | undefined): void {
    if (record === undefined) this.#drop(endpoint);
    else this.#apply(record);
    for (const listener of this.#listeners) listener(endpoint);
  }

  /** Calls `listener` whenever the way to an endpoint may have changed: instances came or went. */
  onChange(listener: (endpoint: EndpointName) => void): void {
    this.#listeners.add(listener);
  }

  /** Every endpoint that has instances while there are requests. */
  *serverless(): Generator<EndpointRoute & EndpointName> {
    for (const route of this.#routes.values()) if (route.isServerless) yield route;
  }

  /** Every endpoint that answers later. */
  *asynchronous(): Generator<EndpointRoute & EndpointName> {
    for (const route of this.#routes.values()) if (route.asynchronous !== undefined) yield route;
  }

  /**
   * Has every change told to `follower` as well, which resolves when whoever it tells goes by it. It never rejects.
   */
  follow(follower: (endpoint: EndpointName, record: EndpointRecord | undefined) => Promise<void>): void {
    this.#follower = follower;
  }

  /** Every variant that gets requests, of all endpoints. */
  *variants(): Generator<RoutedVariant> {
    for (const { account, region, name, variants } of this.#routes.values()) {
      for (const variant of variants) {
        yield { account, region, endpoint: name, variant };
        if (variant.shadow !== undefined) yield { account, region, endpoint: name, variant: variant.shadow };
      }
    }
  }

  /** The connections to one instance, when it is or was in the table. */
  backend(runId: string): Backend | undefined {
    return this.#backends.get(runId);
  }

  /** Closes every connection; requests under way end first. */
  close(): void {
    this.#unwatch?.();
    this.#follower = undefined;
    for (const backend of this.#backends.values()) backend.close();
    this.#backends.clear();
    this.#routes.clear();
  }

  #apply(record: EndpointRecord): void {
    const id = idOf(record);
    const known = this.#routes.get(id);
    // Two reads may overtake each other. A deleted and remade endpoint starts at version 1 again, with other runs.
    if (known !== undefined && known.version === record.version) return;
    this.#retain(id, record.value);
    this.#options.captures.retain(
      id,
      record.value.fleets.map((fleet) => fleet.id),
    );
    this.#spread(record, record);
    const fleets = record.status === "Deleting" ? [] : servingFleets(record.value);
    if (fleets.length === 0) {
      this.#routes.delete(id);
      return;
    }
    const variants = fleets.flatMap(({ fleet, share }) => {
      const production = productionVariants(fleet);
      const given = production.map((variant) => (variant.desiredInstanceCount === 0 ? 0 : variant.weight));
      const total = given.reduce((sum, weight) => sum + weight, 0);
      return production.map((variant, at) => ({
        config: fleet.configName,
        shadow: this.#shadowOf(record, fleet, variant),
        name: variant.name,
        // Weights of different fleets are relative to different sums.
        weight: fleets.length === 1 ? (given[at] as number) : total > 0 ? (share * (given[at] as number)) / total : 0,
        share,
        isStopped: variant.desiredInstanceCount === 0,
        isRandom: variant.routing === "RANDOM",
        hostsComponents: variant.hostsComponents === true,
        ...this.#placeOf(record, fleet, variant),
        desiredInstanceCount: variant.desiredInstanceCount,
        ...(variant.serverless && { serverless: variant.serverless }),
      }));
    });
    const totalWeight = variants.reduce((sum, { weight }) => sum + weight, 0);
    const { account, region, name, version } = record;
    const { runPrefix } = record.value;
    const asynchronous = fleets[0]?.fleet.asynchronous;
    const { endpoint } = record.value as Partial<ComponentValue>;
    this.#routes.set(id, {
      ...{ account, region, name, version, variants, totalWeight, runPrefix },
      isServerless: variants.some(({ serverless }) => serverless !== undefined),
      ...(asynchronous && { asynchronous }),
      ...(endpoint !== undefined && { endpoint }),
    });
  }

  /** Where a variant's requests, or copies of requests, are answered, counted and captured. */
  #placeOf(record: StoredRecord<EndpointValue>, fleet: Fleet, variant: Variant) {
    const { name: endpoint, value } = record;
    const settings = fleet.capture;
    // A component's requests are kept beside those of its endpoint's other components.
    const component = componentOfLabel(endpoint);
    const captured =
      component === undefined
        ? { endpoint, variant: variant.name }
        : { endpoint: (value as ComponentValue).endpoint, variant: component };
    return {
      ...{ fleet: fleet.id, instanceType: variant.instanceType, metrics: fleet.metrics ?? plainMetrics },
      ...(variant.acceleratorType !== undefined && { acceleratorType: variant.acceleratorType }),
      targets: targetsOf(variant),
      // SageMaker tells configurations apart from the first deployment on.
      counter:
        (value.nextFleet > 2 && component === undefined) || variant.isShadow || shadowVariants(fleet).length > 0
          ? this.#options.counters.under(fleet.configName, record, endpoint, variant.name)
          : this.#options.counters.of(record, endpoint, variant.name),
      capture: settings && this.#options.captures.of(idOf(record), fleet.id, { ...captured, settings }),
      backends: variant.instances.flatMap(({ runId, phase, address }) =>
        phase === "ready" && address !== undefined ? [this.#open(runId, address)] : [],
      ),
    };
  }

  /** The shadow of a production variant; a configuration has at most one of each. */
  #shadowOf(record: StoredRecord<EndpointValue>, fleet: Fleet, { weight }: Variant): ShadowRoute | undefined {
    const [shadow] = shadowVariants(fleet);
    if (shadow === undefined || shadow.desiredInstanceCount === 0) return undefined;
    const { account, region, name: endpoint } = record;
    return {
      name: shadow.name,
      share: weight > 0 ? Math.min(1, shadow.weight / weight) : 0,
      copies: this.shadows.of({ account, region, endpoint, config: fleet.configName, variant: shadow.name }),
      ...this.#placeOf(record, fleet, shadow),
    };
  }

  /** Keeps the connections of instances that are still in the record (draining ones answer yet), closes the others. */
  #retain(id: string, value: EndpointValue): void {
    const now = new Set<string>();
    for (const { variants } of value.fleets) {
      for (const { instances } of variants) for (const { runId } of instances) now.add(runId);
    }
    for (const runId of this.#owned.get(id) ?? []) if (!now.has(runId)) this.#closeBackend(runId);
    this.#owned.set(id, now);
  }

  #drop(endpoint: EndpointName): void {
    const id = idOf(endpoint);
    if (this.#owned.has(id)) this.#spread(endpoint, undefined);
    this.#options.captures.retain(id, []);
    this.#routes.delete(id);
    for (const runId of this.#owned.get(id) ?? []) this.#closeBackend(runId);
    this.#owned.delete(id);
  }

  #open(runId: string, address: string): Backend {
    const known = this.#backends.get(runId);
    if (known !== undefined && known.address === address) return known;
    known?.close();
    const { requestsPerInstance: mostOutstanding = defaultRequestsPerInstance } = this.#options;
    const backend = new Backend(runId, address, { load: this.#loads.of(runId), mostOutstanding });
    this.#backends.set(runId, backend);
    return backend;
  }

  #closeBackend(runId: string): void {
    this.#backends.get(runId)?.close();
    this.#backends.delete(runId);
    this.#loads.forget(runId);
  }

  /** Tells followers, one change of an endpoint after the other. */
  #spread({ account, region, name }: EndpointName, record: EndpointRecord | undefined): void {
    const follower = this.#follower;
    if (follower === undefined) return;
    const endpoint = { account, region, name };
    const id = idOf(endpoint);
    const told = follower(endpoint, record).finally(() => {
      if (this.#spreading.get(id) === told) this.#spreading.delete(id);
    });
    this.#spreading.set(id, told);
  }
}

/** The fleets that get traffic, and how much of it. */
function servingFleets(value: EndpointValue): { readonly fleet: Fleet; readonly share: number }[] {
  const active = fleetOf(value, "active");
  if (active === undefined) return [];
  const incoming = fleetOf(value, "incoming");
  const share = incoming === undefined || value.deployment === undefined ? 0 : shareOf(value.deployment);
  if (incoming === undefined || share === 0) return [{ fleet: active, share: 1 }];
  if (share === 1) return [{ fleet: incoming, share: 1 }];
  return [
    { fleet: active, share: 1 - share },
    { fleet: incoming, share },
  ];
}

/** A component's record goes by the name of its route. */
function routed(record: EndpointRecord): EndpointRecord {
  return { ...record, name: routeName(record).name };
}

function idOf({ account, region, name }: EndpointName): string {
  return `${account}/${region}/${name}`;
}
