import { stat } from "node:fs/promises";
import { join } from "node:path";
import { type HostCapacity } from "../../../instance-types/fit-to-host.ts";
import { again, done, type Outcome } from "../../../reconcile/reconcile.ts";
import { streamWrites } from "../../logs/streams.ts";
import { readJobFile } from "../artifacts/safe-tree.ts";
import { CheckpointSync } from "./checkpoints.ts";
import { algorithmError, clippedReason, outOfMemoryReason } from "./failure-reason.ts";
import { InputDataError } from "./input-data.ts";
import { lastLogLines } from "./last-words.ts";
import { allotment, imageRequest, layOut, type RunPlaces } from "./layout.ts";
import { failed, judged, type Step } from "./next-step.ts";
import type { Change, TrainingJobWorld } from "./reconcile.ts";
import { removeRunFolder } from "./run-folder.ts";
import { RunSlots, runLimit } from "./run-slots.ts";
import {
  logFileOf,
  logStreamOf,
  phaseMessage,
  restated,
  runId,
  scopeOf,
  type TrainingJob,
  type TrainingJobRecord,
  trainingLogGroup,
  transition,
  type Verdict,
} from "./training-job.ts";
import { uploadResults } from "./upload-results.ts";

/** How long a stopped job may take to write what it has, as `docker stop -t 120`. */
const graceMs = 120_000;
/** How often checkpoints of a running job are looked at. */
const checkpointIntervalMs = 2_000;
/** How often a stopping run is looked at, besides the wake-up when it ends. */
const stoppingIntervalMs = 5_000;

/** How often a job whose image is being made looks again, and so how often its message may change. */
const imageIntervalMs = 500;
/** How often a job that waits for others to end looks again. */
const slotIntervalMs = 250;
/** How long a start that fails is tried again before the job fails. */
const startPatienceMs = 15 * 60_000;

type World = TrainingJobWorld & { readonly host: HostCapacity };

/** Carries out steps. Every step may be repeated after a crash at any point of it. */
export function effects(world: World): (step: Step, record: TrainingJobRecord) => Promise<Change | Outcome> {
  const syncs = new Map<string, CheckpointSync>();
  /** Runs that were told to stop. Telling one twice could cut its last words short, so only a new server repeats it. */
  const asked = new Set<string>();
  const slots = new RunSlots(world.runLimit ?? runLimit(world.host));
  const places = (record: TrainingJobRecord): RunPlaces => ({
    runId: runId(record),
    mlDirectory: join(world.dataDirectory.runs, runId(record), "ml"),
    logFile: join(world.dataDirectory.logs, logFileOf(record)),
  });
  const syncOf = (record: TrainingJobRecord) => {
    const { runId: id, mlDirectory } = places(record);
    const sync = syncs.get(id) ?? new CheckpointSync(world.objects, mlDirectory, record.value.spec);
    syncs.set(id, sync);
    return sync;
  };
  const free = async (record: TrainingJobRecord) => {
    const id = runId(record);
    await world.engine.remove(id);
    await world.objects.release(id);
    await removeRunFolder(world.dataDirectory, id);
    syncs.delete(id);
    asked.delete(id);
    slots.release(id);
  };

  return async (step, record) => {
    const job = record.value;
    const now = world.clock.now();
    if (step.kind === "start" || step.kind === "wait" || step.kind === "stop") slots.hold(runId(record));
    switch (step.kind) {
      case "none":
        return done;
      case "write":
        return { status: step.status, job: step.job };
      case "prepare": {
        const waiting = await waitForImage(world, record, now);
        if (waiting) return waiting;
        return slots.take(runId(record)) ? prepare(world, record, now) : waitForSlot(job, slots.limit, now);
      }
      case "start":
        return start(world, record, places(record), now);
      case "wait":
        if (!job.spec.CheckpointConfig || job.secondary !== "Training") return again(step.ms);
        await syncOf(record).sync(false);
        return again(Math.min(step.ms, checkpointIntervalMs));
      case "stop": {
        const id = runId(record);
        if (!asked.has(id)) await world.engine.stop(id, graceLeft(job, now));
        asked.add(id);
        return again(stoppingIntervalMs);
      }
      case "fail": {
        const reason = step.outOfMemory ? outOfMemoryReason : await algorithmFault(places(record), step.exitCode);
        return { status: "InProgress", job: judged(job, failed(reason), now) };
      }
      case "restart":
        // What the lost run saved last is still in its folder.
        await syncOf(record).sync(true);
        await free(record);
        return { status: "InProgress", job: await startedAnew(job, step.reason, places(record), now) };
      case "upload":
        await syncOf(record).sync(true);
        return upload(world, record, step.verdict, places(record));
      case "clean":
        await free(record);
        return done;
    }
  };
}

/** The grace counts from the moment of the stop, whatever server asks. */
function graceLeft(job: TrainingJob, now: number): number {
  const stoppedAt = job.transitions.findLast(({ status }) => status === "Stopping")?.startedAt ?? now;
  return Math.max(0, stoppedAt + graceMs - now);
}

/** Ends the last transition too: the job is over. */
function closed(job: TrainingJob, now: number): TrainingJob {
  const last = job.transitions.at(-1);
  return last ? { ...job, transitions: [...job.transitions.slice(0, -1), { ...last, endedAt: now }] } : job;
}

/** @returns What follows while the job's image is not ready; `undefined` once it is. */
async function waitForImage(
  world: World,
  record: TrainingJobRecord,
  now: number,
): Promise<Change | Outcome | undefined> {
  const preparation = await world.images.prepare(imageRequest(record));
  switch (preparation.state) {
    case "ready":
      return undefined;
    case "preparing": {
      const waiting = restated(record.value, "Starting", preparation.message, now);
      return waiting === record.value ? again(imageIntervalMs) : { status: "InProgress", job: waiting };
    }
    case "failed": {
      const reason = clippedReason(`ClientError: ${preparation.reason}`);
      return { status: "InProgress", job: judged(record.value, failed(reason), now) };
    }
  }
}

/** Says once what the job waits for, then looks again. */
function waitForSlot(job: TrainingJob, limit: number, now: number): Change | Outcome {
  const message = `Waiting for one of the ${limit} training jobs that run on this host to end`;
  const waiting = transition(job, "Starting", message, now);
  return waiting === job ? again(slotIntervalMs) : { status: "InProgress", job: waiting };
}

async function prepare(world: World, record: TrainingJobRecord, now: number): Promise<Change> {
  const { notices } = allotment(record.value.spec, world.host);
  const job: TrainingJob = {
    ...transition(record.value, "Downloading", phaseMessage.downloading, now),
    startedAt: record.value.startedAt ?? now,
    preparedAt: now,
    notices,
  };
  const stream = { group: trainingLogGroup, stream: logStreamOf(job), file: logFileOf(record) };
  return { status: "InProgress", job, beside: await streamWrites(world.store, scopeOf(record), stream) };
}

async function start(
  world: World,
  record: TrainingJobRecord,
  places: RunPlaces,
  now: number,
): Promise<Change | Outcome> {
  const { spec } = record.value;
  const fail = (reason: string): Change => ({
    status: "InProgress",
    job: judged(record.value, failed(clippedReason(reason)), now),
  });
  if (spec.EnableNetworkIsolation && !world.engine.capabilities.isolation) {
    return fail(
      "ClientError: EnableNetworkIsolation needs an engine that isolates, and this host has none: install bubblewrap (sagebrush doctor says more).",
    );
  }
  const preparation = await world.images.prepare(imageRequest(record));
  if (preparation.state === "failed") return fail(`ClientError: ${preparation.reason}`);
  // Collected since it was ready: made again.
  if (preparation.state === "preparing") return again(imageIntervalMs);
  try {
    await world.engine.start(places.runId, await layOut(record, places, preparation.image, world));
  } catch (error) {
    if (error instanceof InputDataError) return fail(`ClientError: Data download failed:${error.message}`);
    // The loop tries again with backoff, but not for ever.
    if (now - (record.value.preparedAt ?? now) < startPatienceMs) throw error;
    return fail(`InternalServerError: The job could not be started: ${(error as Error).message}`);
  }
  return again(0);
}

async function algorithmFault(places: RunPlaces, exitCode: number): Promise<string> {
  // 1,024 characters are at most 4,096 bytes.
  const told = (await readJobFile(places.mlDirectory, ["output", "failure"], 4096))?.toString("utf8") ?? "";
  const text = told.trim() === "" ? await lastLogLines(places.logFile) : told;
  return algorithmError(text, exitCode);
}

/** The next attempt. How long the lost one ran is known by the last line it logged. */
async function startedAnew(job: TrainingJob, reason: string, places: RunPlaces, now: number): Promise<TrainingJob> {
  const lastSign = await stat(places.logFile).then(
    ({ mtimeMs }) => mtimeMs,
    () => undefined,
  );
  const ranMs = lastSign === undefined ? 0 : Math.max(0, Math.trunc(lastSign) - (job.preparedAt ?? now));
  const from = job.spec.CheckpointConfig ? "the last checkpoint" : "the inputs";
  const message = `${reason.replace(/\.$/, "")}. Starting again from ${from}.`;
  return {
    ...transition(job, "Starting", message, now),
    attempt: job.attempt + 1,
    ranBeforeMs: job.ranBeforeMs + ranMs,
  };
}

async function upload(world: World, record: TrainingJobRecord, wanted: Verdict, places: RunPlaces): Promise<Change> {
  const { verdict: _verdict, ...job } = record.value;
  const { metrics, fault } = await uploadResults(world.objects, record.value, places);
  const verdict = fault === undefined ? wanted : failed(clippedReason(`ClientError: Artifact upload failed:${fault}`));
  const now = world.clock.now();
  const endedAt = verdict.status === "Failed" ? (job.endedAt ?? now) : now;
  return {
    status: verdict.status,
    job: {
      ...closed(transition(job, verdict.secondary, verdict.message, endedAt), endedAt),
      endedAt,
      metrics,
      ...(verdict.failureReason !== undefined && { failureReason: verdict.failureReason }),
    },
  };
}
