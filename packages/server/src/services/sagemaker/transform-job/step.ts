import { keepInputList } from "../../../batch/run/input-list.ts";
import type { TransformOutcome, TransformRun } from "../../../batch/run/transform-run.ts";
import { instanceLimit } from "../../../capacity/capacity.ts";
import type { RunState } from "../../../engines/engine.ts";
import { thisHost } from "../../../instance-types/fit-to-host.ts";
import { again, done, type Outcome } from "../../../reconcile/reconcile.ts";
import { pinned, runIdsOf } from "../../../serving/fleet.ts";
import { observeServer, type ServerSight } from "../../../serving/fronts/observe-server.ts";
import { instanceIdOf } from "../../../serving/instance-id.ts";
import { tailOfLog } from "../../../serving/log-tail.ts";
import { WriteConflict } from "../../../store/store.ts";
import { ensureStream } from "../../logs/streams.ts";
import { instanceLog, type ServerPlan } from "../model-instance/run-spec.ts";
import { isolationRefusal, prepareServer, removeServer, startServer } from "../model-instance/start-instance.ts";
import { InputDataError } from "../training-job/input-data.ts";
import { scopeOf } from "../training-job/training-job.ts";
import { captureData } from "./capture.ts";
import { wantedInstances } from "./check-capacity.ts";
import { inputObjects } from "./input-objects.ts";
import type { JobsUnderWay } from "./jobs-under-way.ts";
import { jobPlaces, makePlaces } from "./places.ts";
import type { TransformWorld } from "./reconcile.ts";
import {
  dataLogName,
  isFinal,
  logStreamOf,
  serversOf,
  type TransformInstance,
  type TransformJob,
  type TransformJobRecord,
  transformLogGroup,
} from "./transform-job.ts";
import { exitReason, failed, keepsDying, noPing, type Verdict, verdictOf } from "./verdict.ts";

/** How often a job that waits looks again, besides being woken. */
const lookMs = 1_000;
const roomMs = 5_000;
/** A container has as long to answer its first ping as one of an endpoint. */
const startupMs = 480_000;
/** A job is given up after so many servers in a row died: before any answered a ping, and after one did. */
const mostStartCrashes = 3;
const mostCrashes = 8;
const mostBackoffMs = 2_000;
/** Failures of the platform itself in a row, each with a pause before it. */
const mostFaults = 10;

/** One look at one job and what follows from it. Each may be repeated after a crash at any point of it. */
export class TransformStep {
  readonly #world: TransformWorld;
  readonly #underWay: JobsUnderWay;
  readonly #record: TransformJobRecord;
  readonly #job: TransformJob;
  readonly #plan: ServerPlan;

  constructor(world: TransformWorld, underWay: JobsUnderWay, record: TransformJobRecord) {
    this.#world = world;
    this.#underWay = underWay;
    this.#record = record;
    this.#job = record.value;
    this.#plan = {
      instanceType: wantedInstances(record.value.spec).instanceType,
      ...serversOf(record.value),
    };
  }

  async run(): Promise<Outcome> {
    if (isFinal(this.#record)) return done;
    if (this.#underWay.isClosing) return again(lookMs);
    if (this.#record.status === "Stopping") return await this.#end({ status: "Stopped" });
    if (this.#job.objects === undefined) return await this.#list();
    if (this.#job.startedAt === undefined) return await this.#begin();
    return await this.#tend();
  }

  /** Lists the input once the image and the model are there: an earlier list would be an older one. */
  async #list(): Promise<Outcome> {
    const refusal = isolationRefusal(this.#world, this.#plan);
    if (refusal !== undefined) return await this.#end(failed(`ClientError: ${refusal}`));
    const model = await prepareServer(this.#world, this.#plan, this.#record);
    if (model.state === "refused") return await this.#end(failed(`ClientError: ${model.reason}`));
    if (model.state === "pending") return again(lookMs);
    const { objects, dataDirectory, clock } = this.#world;
    const { spec, runPrefix } = this.#job;
    let input: Awaited<ReturnType<typeof inputObjects>>;
    try {
      input = await inputObjects(objects, spec, this.#record.account);
    } catch (error) {
      if (error instanceof InputDataError) return await this.#end(failed(`ClientError: ${error.message}`));
      throw error;
    }
    if (input.length === 0) {
      const uri = spec.TransformInput?.DataSource?.S3DataSource?.S3Uri;
      return await this.#end(failed(`ClientError: No S3 objects with content found under S3 URL "${uri}".`));
    }
    await makePlaces(this.#job, dataDirectory);
    await keepInputList(jobPlaces(this.#job, dataDirectory).inputList, input);
    const count = Math.min(wantedInstances(spec).count, input.length, instanceLimit(thisHost()));
    const instances = Array.from({ length: count }, (_, index): TransformInstance => {
      const runId = `${runPrefix}-${index + 1}`;
      return { id: instanceIdOf(runId), since: clock.now(), runId };
    });
    const [container, ...further] = this.#job.containers;
    return await this.#write({
      ...this.#job,
      ...{ objects: input.length, instances, nextRun: count + 1 },
      containers: [
        pinned(container, model),
        ...further.map((each, index) => pinned(each, model.further?.[index] ?? { key: "" })),
      ],
    });
  }

  async #begin(): Promise<Outcome> {
    if (this.#underWay.takeRoom(this.#record) !== undefined) return again(roomMs);
    return await this.#write({ ...this.#job, startedAt: this.#world.clock.now() });
  }

  /** Keeps every place served, and hears what comes of it. */
  async #tend(): Promise<Outcome> {
    this.#underWay.holdRoom(this.#record);
    const memory = this.#underWay.of(this.#record);
    const run = this.#underWay.runOf(this.#record);
    const { outcome } = run;
    if (outcome?.kind === "done") return await this.#finish(outcome);
    if (outcome?.kind === "broken") return await this.#afterFault(outcome.error);
    let againMs = 10_000;
    for (const [index, instance] of this.#job.instances.entries()) {
      for (const id of runIdsOf(this.#plan, instance.runId)) this.#world.own(id, this.#record);
      const seen = await observeServer(this.#world, this.#plan, instance.runId);
      const wait = await this.#look(run, index, instance, seen);
      if (typeof wait !== "number") return wait;
      againMs = Math.min(againMs, wait);
    }
    if (run.stored > 0) memory.faults = 0;
    return again(againMs);
  }

  /** Looks at one place. @returns When to look again, or what the whole job's look ends with. */
  async #look(
    run: TransformRun,
    index: number,
    instance: TransformInstance,
    { state: seen, toldBy, container }: ServerSight,
  ): Promise<number | Outcome> {
    const { runId } = instance;
    switch (seen.phase) {
      case "absent":
        return await this.#start(index, instance);
      case "pending":
        return 20;
      case "running": {
        this.#world.health.track(runId, seen.address);
        if (this.#world.health.read(runId).passed) {
          this.#underWay.of(this.#record).answered.add(runId);
          this.#underWay.monitor.watch(runId, this.#record, instance.id);
          run.attach(index, runId, seen.address);
          return 10_000;
        }
        if (this.#world.clock.now() - seen.startedAt <= startupMs) return lookMs;
        return await this.#end(noPing(`no good answer to GET /ping within ${startupMs / 1_000} s`));
      }
      case "exited":
      case "lost":
        run.detach(index);
        return await this.#replace(run, index, instance, { ...seen, toldBy, container });
    }
  }

  async #start(index: number, instance: TransformInstance): Promise<number | Outcome> {
    const { crashes } = this.#job;
    const waitMs = crashes === undefined ? 0 : crashes.at + backoffMs(crashes.count) - this.#world.clock.now();
    if (waitMs > 0) return waitMs;
    const stream = logStreamOf(this.#job, instance);
    const { store } = this.#world;
    const scope = scopeOf(this.#record);
    await ensureStream(store, scope, transformLogGroup, `${stream}/data-log`, dataLogName(this.#job, index));
    const log = { group: transformLogGroup, stream };
    const refusal = await startServer(this.#world, {
      runId: instance.runId,
      plan: this.#plan,
      owner: this.#record,
      log,
      nextAfterwards: true,
    });
    return refusal === undefined ? 0 : await this.#end(failed(`ClientError: ${refusal}`));
  }

  /** Another run for a place whose run is over, or the end where that has no prospect. */
  async #replace(
    run: TransformRun,
    index: number,
    instance: TransformInstance,
    seen: Extract<RunState, { phase: "exited" | "lost" }> &
      Pick<ServerSight, "toldBy"> & { container: string | undefined },
  ): Promise<Outcome> {
    const memory = this.#underWay.of(this.#record);
    const { clock, dataDirectory } = this.#world;
    const words = exitReason(seen, await tailOfLog(instanceLog(dataDirectory, seen.toldBy)));
    const reason = seen.container === undefined ? words : `container ${seen.container}: ${words}`;
    const isProgress = run.stored > memory.storedAtCrash;
    memory.storedAtCrash = run.stored;
    const count = (isProgress ? 0 : (this.#job.crashes?.count ?? 0)) + 1;
    if (memory.answered.size === 0 && count >= mostStartCrashes) return await this.#end(noPing(reason));
    if (count >= mostCrashes) return await this.#end(keepsDying(count, reason));
    await this.#underWay.monitor.end(instance.runId);
    // A machine that restarted is nobody's fault.
    const crashes = seen.phase === "lost" ? this.#job.crashes : { count, at: clock.now(), reason };
    const now = clock.now();
    const next: TransformInstance = {
      id: instance.id,
      since: now,
      runId: `${this.#job.runPrefix}-${this.#job.nextRun}`,
    };
    const instances = this.#job.instances.with(index, next);
    const outcome = await this.#write({
      ...this.#job,
      ...{ instances, nextRun: this.#job.nextRun + 1 },
      ...(crashes && { crashes }),
    });
    await removeServer(this.#world, this.#plan, instance.runId);
    return outcome;
  }

  async #finish(outcome: TransformOutcome & { kind: "done" }): Promise<Outcome> {
    await captureData(this.#world.objects, this.#job, outcome, this.#world.clock.now());
    return await this.#end(verdictOf(outcome));
  }

  /** The platform failed: what is done is kept, and a new attempt goes on behind it. */
  async #afterFault(error: unknown): Promise<Outcome> {
    const memory = this.#underWay.of(this.#record);
    memory.faults += 1;
    await this.#underWay.halt(this.#record);
    if (memory.faults < mostFaults) throw error;
    return await this.#end(failed(`InternalServerError: The job could not go on: ${(error as Error).message}`));
  }

  /** Tells the end first, so that nobody waits for the clearing up. What a crash leaves here, a collection removes. */
  async #end({ status, failureReason }: Verdict): Promise<Outcome> {
    await this.#underWay.halt(this.#record);
    const { clock, log } = this.#world;
    const job = { ...this.#job, endedAt: clock.now(), ...(failureReason !== undefined && { failureReason }) };
    if (!(await this.#update(job, status))) return again(0);
    log.info("transform job ended", { job: this.#record.name, status, ...(failureReason && { failureReason }) });
    await this.#underWay.clear(this.#record);
    return done;
  }

  async #write(job: TransformJob): Promise<Outcome> {
    await this.#update(job, "InProgress");
    return again(0);
  }

  /** @returns Whether the record was still the one that was looked at. */
  async #update(value: TransformJob, status: string): Promise<boolean> {
    const { account, region, kind, name, version } = this.#record;
    try {
      await this.#world.store.write([{ op: "update", key: { account, region, kind, name }, version, value, status }]);
      return true;
    } catch (error) {
      if (error instanceof WriteConflict) return false;
      throw error;
    }
  }
}

/** The first successor starts at once, the next ones after 0.2, 0.4, … seconds. */
function backoffMs(crashes: number): number {
  return crashes < 2 ? 0 : Math.min(mostBackoffMs, 100 * 2 ** (crashes - 1));
}
