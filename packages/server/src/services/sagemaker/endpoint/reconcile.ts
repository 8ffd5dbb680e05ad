import { isDeepStrictEqual } from "node:util";
import type { RunState } from "../../../engines/engine.ts";
import { invariant } from "../../../errors.ts";
import { again, type Controller, done, type Outcome } from "../../../reconcile/reconcile.ts";
import type { RoleOfRun } from "../../../run-access.ts";
import { partitionOf, type Scope } from "../../../scope.ts";
import type { PreparedModel } from "../../../serving/artifacts/model-cache.ts";
import { routeName } from "../../../serving/components/component.ts";
import { type EndpointValue, instanceOfRun, instancesOf, runIdsOf, type Variant } from "../../../serving/fleet.ts";
import { observeServer } from "../../../serving/fronts/observe-server.ts";
import { instanceIdOf } from "../../../serving/instance-id.ts";
import { tailOfLog } from "../../../serving/log-tail.ts";
import { type StoredRecord, type Write, WriteConflict } from "../../../store/store.ts";
import { instanceLog } from "../model-instance/run-spec.ts";
import {
  type InstanceWorld,
  isolationRefusal,
  prepareServer,
  removeServer,
  startServer,
  stopServer,
} from "../model-instance/start-instance.ts";
import { dropTags } from "../tags/tags-record.ts";
import { type Plan, planEndpoint, type Sight } from "./plan.ts";

type EndpointRecord = StoredRecord<EndpointValue>;

/** SIGKILL follows SIGTERM after this long. */
const stopGraceMs = 30_000;

/** Records that are run as endpoints are. */
export interface ServedKind {
  readonly kind: string;
  /** Where its instances' logs are. */
  logGroup(name: string): string;
  /** What goes with its record. */
  gone?(record: EndpointRecord): Write[];
  /** What bounds it, as one look finds it; `gone` when what it is on is no longer there. */
  bounds?(record: EndpointRecord): Promise<Partial<Pick<Sight, "room" | "refusal">> | "gone">;
  /** Its value with what it takes over from what it is on. */
  following?(record: EndpointRecord): Promise<EndpointValue>;
}

const endpointKind: ServedKind = { kind: "endpoint", logGroup: (name) => `/aws/sagemaker/Endpoints/${name}` };

/** What drives endpoints. */
export interface EndpointWorld extends InstanceWorld {
  /** The first of some alarms that is in ALARM; none ever is when absent. */
  readonly firstInAlarm?: (scope: Scope, names: readonly string[]) => Promise<string | undefined>;
}

/** The controller, and whose credentials an instance may have. */
export interface EndpointController extends Controller<EndpointValue> {
  /** The execution role of a run's model, for as long as the run belongs to its endpoint. */
  readonly roleOf: RoleOfRun;
}

/** Drives endpoints: brings fleets up, moves traffic, replaces instances that die, and takes down what has to go. */
export function endpointController(world: EndpointWorld, served: ServedKind = endpointKind): EndpointController {
  const refused: Refusals = new Map();
  return {
    kind: served.kind,
    finalStatuses: [],
    concurrency: 8,
    reconcile: (record) => new Step(world, served, record, refused).run(),
    roleOf: async (runId) => {
      const owner = world.ownerOf(runId);
      if (owner?.kind !== served.kind) return undefined;
      const record = await world.store.get<EndpointValue>(owner);
      const variants = record?.value.fleets.flatMap((fleet) => fleet.variants) ?? [];
      const mineId = instanceOfRun(runId);
      const mine = variants.find(({ instances }) => instances.some((instance) => instance.runId === mineId));
      const { needsIsolation = true, executionRoleArn: arn } = mine?.container ?? {};
      return needsIsolation || arn === undefined ? undefined : { arn };
    },
  };
}

/** Why the engine refused to start a run, by the run's id. A new server asks the engine again. */
type Refusals = Map<string, string>;

/** One look at one endpoint and what follows from it. */
class Step {
  readonly #options: EndpointWorld;
  readonly #served: ServedKind;
  readonly #record: EndpointRecord;
  readonly #refused: Refusals;

  constructor(options: EndpointWorld, served: ServedKind, record: EndpointRecord, refused: Refusals) {
    this.#options = options;
    this.#served = served;
    this.#record = record;
    this.#refused = refused;
  }

  async run(): Promise<Outcome> {
    const { status = "Creating", value } = this.#record;
    const bounds = status === "Deleting" ? undefined : await this.#served.bounds?.(this.#record);
    // What it was on is gone, and it goes with it.
    const asked = bounds === "gone" ? "Deleting" : status;
    const sight = await this.#look();
    const followed = (await this.#served.following?.(this.#record)) ?? value;
    const plan = planEndpoint({ status: asked, value: followed }, bounds === "gone" ? sight : { ...sight, ...bounds });
    for (const runId of plan.stop) await stopServer(this.#options, this.#variantOf(runId), runId, stopGraceMs);
    for (const runId of plan.remove) await this.#remove(runId);
    if (plan.isGone) return await this.#forget();
    // Names come first: a run is started only after the record that names it is safe.
    const changed = plan.next.status !== status || !isDeepStrictEqual(plan.next.value, value);
    if (changed && !(await this.#write(plan))) return again(0);
    for (const { instance, variant } of plan.start) await this.#start(instance.runId, variant);
    if (plan.start.length > 0) return again(0);
    return status === "Failed" && instancesOf(value).length === 0 ? done : again(plan.againMs);
  }

  async #look(): Promise<Sight> {
    const { clock, health, routes, dataDirectory } = this.#options;
    const { account, region, name } = routeName(this.#record);
    const runs = new Map<string, RunState>();
    const lastWords = new Map<string, string>();
    for (const { runId } of instancesOf(this.#record.value)) {
      const variant = this.#variantOf(runId);
      for (const id of runIdsOf(variant, runId)) this.#options.own(id, this.#record);
      const owner = { account, region, endpoint: name, variant: variant.name };
      const { state: run, toldBy, container } = await observeServer(this.#options, variant, runId, owner);
      runs.set(runId, run);
      if (run.phase === "running") health.track(runId, run.address);
      else health.untrack(runId);
      if (run.phase !== "exited") continue;
      const words = await tailOfLog(instanceLog(dataDirectory, toldBy));
      lastWords.set(runId, container === undefined ? words : `of container ${container}: ${words}`);
    }
    const models = await this.#prepareModels(runs);
    const alarm = await this.#alarm();
    const absent: RunState = { phase: "absent" };
    return {
      now: clock.now(),
      run: (runId) => runs.get(runId) ?? absent,
      health: (runId) => health.read(runId),
      refusal: (variant) => isolationRefusal(this.#options, variant),
      refused: (runId) => this.#refused.get(runId),
      outstanding: (runId) => routes.backend(runId)?.outstanding ?? 0,
      model: (fleet, variant) => models.get(`${fleet.id}/${variant.name}`) ?? { state: "pending" },
      alarm: () => alarm,
      lastWords: (runId) => lastWords.get(runId) ?? "",
    };
  }

  /** The first of the alarms that watch a deployment that is in ALARM. */
  async #alarm(): Promise<string | undefined> {
    const { account, region, value } = this.#record;
    const { alarms = [], taken = 0 } = value.deployment ?? {};
    if (alarms.length === 0 || taken === 0) return undefined;
    return await this.#options.firstInAlarm?.({ partition: partitionOf(region), account, region }, alarms);
  }

  /** Models of the variants that have an instance to start. */
  async #prepareModels(runs: ReadonlyMap<string, RunState>): Promise<Map<string, PreparedModel>> {
    const prepared = new Map<string, PreparedModel>();
    if (this.#record.status === "Deleting") return prepared;
    for (const fleet of this.#record.value.fleets) {
      for (const variant of fleet.variants) {
        const wants = variant.instances.some(
          ({ runId, phase }) => phase === "starting" && runs.get(runId)?.phase === "absent",
        );
        if (!wants) continue;
        prepared.set(`${fleet.id}/${variant.name}`, await prepareServer(this.#options, variant, this.#record));
      }
    }
    return prepared;
  }

  async #start(runId: string, variant: Variant): Promise<void> {
    const log = {
      group: this.#served.logGroup(this.#record.name),
      stream: `${variant.name}/${instanceIdOf(runId)}`,
    };
    const refusal = await startServer(this.#options, { runId, plan: variant, owner: this.#record, log });
    if (refusal !== undefined) this.#refused.set(runId, refusal);
  }

  /** Frees a run and its folder. Its log stays. */
  async #remove(runId: string): Promise<void> {
    await removeServer(this.#options, this.#variantOf(runId), runId);
    this.#refused.delete(runId);
  }

  /** The variant of an instance of the record that was looked at. */
  #variantOf(runId: string): Variant {
    const variants = this.#record.value.fleets.flatMap((fleet) => fleet.variants);
    const found = variants.find(({ instances }) => instances.some((instance) => instance.runId === runId));
    invariant(found !== undefined, "only instances of the record are looked at, stopped and removed");
    return found;
  }

  /** @returns Whether the record was still the one that was looked at. */
  async #write({ next }: Plan): Promise<boolean> {
    const { store, routes, log } = this.#options;
    const { account, region, kind, name, version, status } = this.#record;
    const key = { account, region, kind, name };
    try {
      await store.write([{ op: "update", key, version, value: next.value, status: next.status }]);
    } catch (error) {
      if (error instanceof WriteConflict) return false;
      throw error;
    }
    // Requests follow the new record from here on; whoever drains relies on it.
    await routes.refresh(routeName(key));
    if (next.status !== status) {
      const { failureReason } = next.value;
      log.info(`${kind} changed`, { name, status: next.status, ...(failureReason && { failureReason }) });
    }
    return true;
  }

  async #forget(): Promise<Outcome> {
    const { store, log } = this.#options;
    const { account, region, kind, name, version, value } = this.#record;
    const scope: Scope = { partition: partitionOf(region), account, region };
    const tags = await dropTags(store, scope, value.arn);
    const more = this.#served.gone?.(this.#record) ?? [];
    await store.write([{ op: "delete", key: { account, region, kind, name }, version }, ...tags, ...more]);
    const route = routeName({ account, region, kind, name });
    this.#options.metrics.forget(route, route.name);
    this.#options.fronts.forget(route, route.name);
    log.info(`${kind} deleted`, { name });
    return done;
  }
}
