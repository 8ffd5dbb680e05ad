import { showsHostPaths } from "../../../engines/engine.ts";
import { again, type Outcome } from "../../../reconcile/reconcile.ts";
import { readJobFile } from "../artifacts/safe-tree.ts";
import { billToldAt, tellBill } from "./billing.ts";
import type { Effect } from "./effects.ts";
import { algorithmError, clippedReason, outOfMemoryReason } from "./failure-reason.ts";
import { lastLogLines } from "./last-words.ts";
import { wantedImage } from "./layout.ts";
import { lostPeer } from "./lost-peer.ts";
import type { Change } from "./reconcile.ts";
import type { RunPlaces } from "./run-places.ts";
import type { Step } from "./step.ts";
import { type TrainingJob, type TrainingJobRecord, transition, type Verdict } from "./training-job.ts";
import { uploadResults } from "./upload-results.ts";
import { failed, judged } from "./verdicts.ts";
import { type LeftPool, poolAfter, poolFolder } from "./warm-pool.ts";
import { returnCache } from "./warm-pool-cache.ts";
import { hasAllPools, keepPool } from "./warm-pool-records.ts";

/** How long the others are waited for when the first host that failed had only lost one of them. */
const peerPatienceMs = 5_000;
const peerIntervalMs = 200;

/**
 * Finds out why a host failed. The job has failed with it; the other hosts are yet to end. The first to fail may have done
 * so for another, which ends a moment later with the reason that a person needs.
 */
export async function fail(
  { world, underWay, record, now }: Effect,
  step: Step & { kind: "fail" },
): Promise<Change | Outcome> {
  const { value: job } = record;
  const places = underWay.places(record);
  const failures = [step, ...step.others].map(async (failure) => {
    const text = await lastWords(places[failure.host] as RunPlaces);
    return { failure, text, isCause: failure.outOfMemory || !lostPeer(text) };
  });
  const told = await Promise.all(failures);
  const cause = told.find(({ isCause }) => isCause);
  if (!cause && step.goesOn && now - step.endedAt < peerPatienceMs) return again(peerIntervalMs);
  const { failure, text } = cause ?? (told[0] as (typeof told)[number]);
  const name = job.hosts > 1 ? places[failure.host]?.host.name : undefined;
  const reason = failure.outOfMemory
    ? outOfMemoryReason(name)
    : algorithmError(await hintAtPaths(text, world, record), failure.exitCode, name);
  return { status: "InProgress", job: judged(job, failed(reason), now) };
}

/** Said first: the text is cut at its end. */
const noFixedPaths =
  "This engine runs plain processes, where /opt/ml does not exist: use the SM_* variables instead of fixed paths, or install bubblewrap. ";

/** A job that failed over a path below /opt/ml, where there is none, is told what to do about it. */
async function hintAtPaths(
  text: string,
  { engine, images }: Effect["world"],
  record: TrainingJobRecord,
): Promise<string> {
  if (!text.includes("/opt/ml")) return text;
  const preparation = await images.prepare(wantedImage(record));
  const isPlain = preparation.state === "ready" && showsHostPaths(engine, preparation.image.root.kind);
  return isPlain ? noFixedPaths + text : text;
}

async function lastWords({ mlDirectory, logFile }: RunPlaces): Promise<string> {
  // 1,024 characters are at most 4,096 bytes.
  const told = (await readJobFile(mlDirectory, ["output", "failure"], 4096))?.toString("utf8") ?? "";
  return told.trim() === "" ? await lastLogLines(logFile) : told;
}

/** Brings everything that the hosts left to S3; the job becomes what its verdict says. */
export async function end(effect: Effect, { verdict: wanted }: Step & { kind: "upload" }): Promise<Change> {
  const { world, underWay, record } = effect;
  await underWay.syncOf(record).sync(true);
  const places = underWay.places(record);
  for (const { runId } of places) await underWay.monitor.end(runId);
  const metrics = await underWay.metrics.finish(record, places);
  const { fault } = await uploadResults(underWay.outputOf(record), record.value, places);
  const verdict = fault === undefined ? wanted : failed(clippedReason(`ClientError: Artifact upload failed:${fault}`));
  const { verdict: _verdict, ...job } = record.value;
  const now = world.clock.now();
  const endedAt = await endOf(effect, verdict, now);
  const pool = await leave(effect, verdict, now);
  return {
    status: verdict.status,
    ...(pool && { beside: [keepPool(record)] }),
    job: {
      ...closed(transition(job, verdict.secondary, verdict.message, endedAt), endedAt),
      endedAt,
      metrics,
      ...(pool && { leftPool: pool }),
      ...(verdict.failureReason !== undefined && { failureReason: verdict.failureReason }),
    },
  };
}

/**
 * When the job ends, which is what it is billed by: a failed one when it failed. A spot job's log tells its bill first, so
 * that nobody sees an ended job without it; a server that died in between has told it, and is believed.
 */
async function endOf({ underWay, record }: Effect, { status }: Verdict, now: number): Promise<number> {
  const { value: job } = record;
  const ranUntil = job.endedAt ?? now;
  const logFile = underWay.places(record)[0]?.logFile;
  if (job.spotDiscount === undefined || logFile === undefined) return status === "Failed" ? ranUntil : now;
  const toldAt = await billToldAt(logFile, ranUntil);
  const at = toldAt ?? Math.max(now, ranUntil + 1);
  const endedAt = status === "Failed" ? ranUntil : at;
  if (toldAt === undefined) await tellBill({ ...job, endedAt }, logFile, at);
  return endedAt;
}

/** Leaves a warm pool where the job may: the caches are in their place before the record that shows them. */
async function leave(
  { world, underWay, record }: Effect,
  verdict: Verdict,
  now: number,
): Promise<LeftPool | undefined> {
  const pool = poolAfter(record.value, verdict, now);
  if (!pool || (await hasAllPools(world.store, record))) return undefined;
  for (const places of underWay.places(record)) {
    await returnCache(poolFolder(record), places);
  }
  return pool;
}

/** Ends the last transition too: the job is over. */
function closed(job: TrainingJob, now: number): TrainingJob {
  const last = job.transitions.at(-1);
  return last ? { ...job, transitions: [...job.transitions.slice(0, -1), { ...last, endedAt: now }] } : job;
}
