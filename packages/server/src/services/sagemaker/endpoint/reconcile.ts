import { mkdir, rm } from "node:fs/promises";
import { isDeepStrictEqual } from "node:util";
import { isIsolated, type RootFs, RunRefused, type RunState } from "../../../engines/engine.ts";
import type { Preparation } from "../../../images/image.ts";
import { again, type Controller, done, type Outcome } from "../../../reconcile/reconcile.ts";
import type { RoleOfRun, RunAccess } from "../../../run-access.ts";
import { partitionOf, type Scope } from "../../../scope.ts";
import type { PreparedModel } from "../../../serving/artifacts/model-cache.ts";
import { type EndpointValue, instancesOf, type Variant } from "../../../serving/fleet.ts";
import { tailOfLog } from "../../../serving/log-tail.ts";
import type { Serving } from "../../../serving/open-serving.ts";
import { type StoredRecord, WriteConflict } from "../../../store/store.ts";
import { ensureStream } from "../../logs/streams.ts";
import { stagedCode } from "../staged-code.ts";
import { dropTags } from "../tags/tags-record.ts";
import { type Plan, planEndpoint, type Sight } from "./plan.ts";
import { instanceIdOf, instancePaths, logName, runSpec, wantedImage } from "./run-spec.ts";

const noIsolation =
  "EnableNetworkIsolation needs an engine that isolates, and this host has none: install bubblewrap (sagebrush doctor says more).";

type EndpointRecord = StoredRecord<EndpointValue>;

/** SIGKILL follows SIGTERM after this long. */
const stopGraceMs = 30_000;

/** What drives endpoints. */
export interface EndpointWorld extends Serving {
  /** Lets code inside instances call this server; it cannot when absent. */
  readonly access?: Pick<RunAccess, "environment">;
}

/** The controller, and whose credentials an instance may have. */
export interface EndpointController extends Controller<EndpointValue> {
  /** The execution role of a run's model, for as long as the run belongs to its endpoint. */
  readonly roleOf: RoleOfRun;
}

/** Drives endpoints: brings fleets up, moves traffic, replaces instances that die, and takes down what has to go. */
export function endpointController(world: EndpointWorld): EndpointController {
  const refused: Refusals = new Map();
  return {
    kind: "endpoint",
    finalStatuses: [],
    concurrency: 8,
    reconcile: (record) => new Step(world, record, refused).run(),
    roleOf: async (runId) => {
      const owner = world.ownerOf(runId);
      const record = owner && (await world.store.get<EndpointValue>(owner));
      const variants = record?.value.fleets.flatMap((fleet) => fleet.variants) ?? [];
      const mine = variants.find(({ instances }) => instances.some((instance) => instance.runId === runId));
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
  readonly #record: EndpointRecord;
  readonly #refused: Refusals;

  constructor(options: EndpointWorld, record: EndpointRecord, refused: Refusals) {
    this.#options = options;
    this.#record = record;
    this.#refused = refused;
  }

  async run(): Promise<Outcome> {
    const { status = "Creating", value } = this.#record;
    const plan = planEndpoint({ status, value }, await this.#look());
    for (const runId of plan.stop) await this.#options.engine.stop(runId, stopGraceMs);
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
    const { engine, clock, health, routes, dataDirectory } = this.#options;
    const runs = new Map<string, RunState>();
    const lastWords = new Map<string, string>();
    for (const { runId } of instancesOf(this.#record.value)) {
      this.#options.own(runId, this.#record);
      const run = await engine.observe(runId);
      runs.set(runId, run);
      if (run.phase === "running") health.track(runId, run.address);
      else health.untrack(runId);
      if (run.phase === "exited") lastWords.set(runId, await tailOfLog(instancePaths(dataDirectory, runId).log));
    }
    const models = await this.#prepareModels(runs);
    const absent: RunState = { phase: "absent" };
    return {
      now: clock.now(),
      run: (runId) => runs.get(runId) ?? absent,
      health: (runId) => health.read(runId),
      refusal: ({ container }) =>
        container.needsIsolation && !isIsolated(engine, this.#rootOf(container.image)) ? noIsolation : undefined,
      refused: (runId) => this.#refused.get(runId),
      outstanding: (runId) => routes.backend(runId)?.outstanding ?? 0,
      model: (fleet, variant) => models.get(`${fleet.id}/${variant.name}`) ?? { state: "pending" },
      lastWords: (runId) => lastWords.get(runId) ?? "",
    };
  }

  /** Where an image runs is known before it is there: containers are of the engine of containers, if there is one. */
  #rootOf(uri: string): RootFs["kind"] {
    return this.#options.images.resolve(uri).kind === "container" ? "image" : "files";
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
        if (wants) prepared.set(`${fleet.id}/${variant.name}`, await this.#prepareModel(variant));
      }
    }
    return prepared;
  }

  /** The variant's image first: a model is of no use without it. */
  async #prepareModel(variant: Variant): Promise<PreparedModel> {
    const image = await this.#prepareImage(variant);
    if (image.state === "failed") return { state: "refused", reason: image.reason };
    if (image.state === "preparing") return { state: "pending" };
    const { container } = variant;
    if (container.model === undefined) return { state: "ready", key: "", files: [] };
    const settled = () => this.#options.wake(this.#record);
    return await this.#options.models.prepare(container.model, container.modelKey, settled);
  }

  #prepareImage(variant: Variant): Promise<Preparation> {
    return this.#options.images.prepare(wantedImage(variant, this.#record.account, this.#record.region));
  }

  async #start(runId: string, variant: Variant): Promise<void> {
    const { store, objects, dataDirectory, engine, access } = this.#options;
    const { account, region, name } = this.#record;
    const model = await this.#prepareModel(variant);
    const image = await this.#prepareImage(variant);
    // Collected or lost between the look and now: the next look fetches it again.
    if (model.state !== "ready" || image.state !== "ready") return;
    const { ml } = instancePaths(dataDirectory, runId);
    const scope: Scope = { partition: partitionOf(region), account, region };
    const stream = `${variant.name}/${instanceIdOf(runId)}`;
    await Promise.all([
      mkdir(ml, { recursive: true }),
      ensureStream(store, scope, `/aws/sagemaker/Endpoints/${name}`, stream, logName(runId)),
    ]);
    const code = await stagedCode(objects, {
      image: image.image,
      account,
      runId,
      submitDirectory: variant.container.environment["SAGEMAKER_SUBMIT_DIRECTORY"],
    });
    const { files } = model;
    const channels = [...(files.length === 0 ? [] : [{ target: "/opt/ml/model", files, readOnly: true }]), ...code];
    const spec = runSpec(dataDirectory, variant, runId, region, {
      ...{ image: image.image, channels, access },
      isIsolated: isIsolated(engine, image.image.root.kind),
    });
    try {
      await engine.start(runId, spec);
    } catch (error) {
      if (!(error instanceof RunRefused)) throw error;
      this.#refused.set(runId, error.message);
    }
  }

  /** Frees a run and its folder. Its log stays. */
  async #remove(runId: string): Promise<void> {
    await this.#options.engine.remove(runId);
    await this.#options.objects.release(runId);
    await rm(instancePaths(this.#options.dataDirectory, runId).folder, { recursive: true, force: true });
    this.#options.health.untrack(runId);
    this.#options.own(runId, undefined);
    this.#refused.delete(runId);
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
    await routes.refresh(key);
    if (next.status !== status) {
      const { failureReason } = next.value;
      log.info("endpoint changed", { endpoint: name, status: next.status, ...(failureReason && { failureReason }) });
    }
    return true;
  }

  async #forget(): Promise<Outcome> {
    const { store, log } = this.#options;
    const { account, region, kind, name, version, value } = this.#record;
    const scope: Scope = { partition: partitionOf(region), account, region };
    const tags = await dropTags(store, scope, value.arn);
    await store.write([{ op: "delete", key: { account, region, kind, name }, version }, ...tags]);
    this.#options.metrics.forget({ account, region }, name);
    log.info("endpoint deleted", { endpoint: name });
    return done;
  }
}
