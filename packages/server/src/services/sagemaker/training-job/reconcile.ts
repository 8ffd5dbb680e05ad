import type { Capacity, CapacitySettings } from "../../../capacity/capacity.ts";
import type { Clock } from "../../../clock.ts";
import type { DataDirectory } from "../../../data-directory.ts";
import type { Engine } from "../../../engines/engine.ts";
import type { Gpus } from "../../../gpus/gpus.ts";
import { hostGpus } from "../../../gpus/nvidia.ts";
import type { Images } from "../../../images/images.ts";
import { type HostCapacity, thisHost } from "../../../instance-types/fit-to-host.ts";
import type { Log } from "../../../log.ts";
import type { MetricStore } from "../../../metrics/metric-store.ts";
import type { ObjectCatalogue } from "../../../objects/object-catalogue.ts";
import { again, type Controller, done, type Outcome } from "../../../reconcile/reconcile.ts";
import type { RoleOfRun, RunAccess, RunRole } from "../../../run-access.ts";
import type { SpotPolicy } from "../../../spot-policy.ts";
import { type RecordKey, type Store, type Write, WriteConflict } from "../../../store/store.ts";
import { effects } from "./effects.ts";
import { despiteFault, feedFault } from "./input/feed-fault.ts";
import { JobsUnderWay } from "./jobs-under-way.ts";
import { nextStep } from "./next-step.ts";
import { runPlaces } from "./run-places.ts";
import type { Step } from "./step.ts";
import {
  finalStatuses,
  isFinal,
  runIds,
  type TrainingJob,
  type TrainingJobRecord,
  trainingJobKind,
  type Verdict,
} from "./training-job.ts";
import { failed } from "./verdicts.ts";

/** What drives training jobs. */
export interface TrainingJobWorld {
  readonly store: Store;
  readonly engine: Engine;
  readonly images: Images;
  readonly objects: ObjectCatalogue;
  readonly metrics: MetricStore;
  readonly dataDirectory: DataDirectory;
  readonly clock: Clock;
  readonly log: Log;
  /** Host directories by the id of the file system that they stand for; none when absent. */
  readonly fileSystems?: Readonly<Record<string, string>>;
  /** What runs may have of this host; found out when absent. */
  readonly host?: HostCapacity;
  /** The GPUs of this host; found out when absent. */
  readonly gpus?: Gpus;
  /** How instance types are held against this host; shared, with a number of instances from its memory, when absent. */
  readonly capacity?: CapacitySettings;
  /** The machine's capacity, where other work has its share of it; one of its own, by `capacity`, when absent. */
  readonly room?: Capacity;
  /** Has a job looked at again soon. */
  readonly wake?: (job: RecordKey) => void;
  /** Lets code inside runs call this server; it cannot when absent. */
  readonly access?: Pick<RunAccess, "environment">;
  /** When spot capacity is taken away; never when absent. */
  readonly spot?: SpotPolicy;
}

/** The controller, and who owns which run: for waking a job when the engine says that its run changed. */
export interface TrainingJobController extends Controller<TrainingJob> {
  /** The job of a run that this controller has looked at, or `undefined`. */
  ownerOf(runId: string): RecordKey | undefined;
  /** The execution role of a run's job, for as long as the run may have its credentials. */
  readonly roleOf: RoleOfRun;
  /** Stops watching hosts, which go on. */
  close(): void;
}

/** Jobs worked on at once. Most of them wait for I/O; runs themselves are not counted. */
const concurrency = 32;
/** Quick steps follow one another in one pass; this many mean that something goes in circles. */
const maxSteps = 32;

/** Moves training jobs towards their end. */
export function trainingJobController(world: TrainingJobWorld): TrainingJobController {
  const owners = new Map<string, RecordKey>();
  const forget = (ids: readonly string[]) => ids.forEach((id) => owners.delete(id));
  const all = { ...world, host: world.host ?? thisHost(), gpus: world.gpus ?? hostGpus() };
  const underWay = new JobsUnderWay(all);
  const perform = effects(all, underWay);
  /** What a training job fails for whatever its runs say of themselves. */
  const faultOf = async (record: TrainingJobRecord, step: Step): Promise<Verdict | undefined> => {
    const places = runPlaces(record, world.dataDirectory);
    const reason = await feedFault(record.value, places);
    return reason === undefined ? underWay.volumes.fault(record, places, step) : failed(reason);
  };
  const reconcile = async (start: TrainingJobRecord): Promise<Outcome> => {
    let record = start;
    for (let steps = 0; steps < maxSteps; steps++) {
      const ids = runIds(record);
      if (!isFinal(record)) for (const id of ids) owners.set(id, keyOf(record));
      const seen = await Promise.all(ids.map((id) => world.engine.observe(id)));
      const now = world.clock.now();
      const step = nextStep(record, seen, now, world.spot);
      const fault = isTraining(record) ? await faultOf(record, step) : undefined;
      const next = await perform(fault === undefined ? step : despiteFault(fault, step, record.value, now), record);
      if ("again" in next) return next;
      try {
        record = await write(world.store, record, next);
      } catch (error) {
        // Somebody stopped, changed or deleted the job meanwhile: look at it anew.
        if (error instanceof WriteConflict) return again(0);
        throw error;
      }
      if (runIds(record)[0] !== ids[0]) forget(ids);
      if (!isFinal(record)) continue;
      // After the end was told, so that nobody waits for it. What a crash leaves here is `collectGarbage`'s.
      await perform({ kind: "clean" }, record);
      forget(ids);
      return done;
    }
    return again(0);
  };
  const roleOf: RoleOfRun = async (id) => {
    const owner = owners.get(id);
    const record = owner && ((await world.store.get(owner)) as TrainingJobRecord | undefined);
    return record && runIds(record).includes(id) ? credentialsRole(record) : undefined;
  };
  return {
    ...{ kind: trainingJobKind, reconcile, finalStatuses, concurrency },
    ownerOf: (id) => owners.get(id),
    roleOf,
    close() {
      underWay.monitor.close();
      underWay.volumes.close();
    },
  };
}

function isTraining({ status, value }: TrainingJobRecord): boolean {
  return status === "InProgress" && value.secondary === "Training" && value.verdict === undefined;
}

/** Nothing of the kind is for jobs that are cut off, nor for those that have ended. */
function credentialsRole(record: TrainingJobRecord): RunRole | undefined {
  const { spec, sessionTags } = record.value;
  if (isFinal(record) || spec.EnableNetworkIsolation) return undefined;
  return { arn: spec.RoleArn, ...(sessionTags && { sessionTags }) };
}

/** What a step changes: the record, and other records in the same transaction. */
export interface Change {
  readonly status: string;
  readonly job: TrainingJob;
  readonly beside?: readonly Write[];
}

async function write(store: Store, record: TrainingJobRecord, change: Change): Promise<TrainingJobRecord> {
  const [written] = await store.write([
    { op: "update", key: keyOf(record), version: record.version, value: change.job, status: change.status },
    ...(change.beside ?? []),
  ]);
  return written as TrainingJobRecord;
}

function keyOf({ account, region, kind, name }: RecordKey): RecordKey {
  return { account, region, kind, name };
}
