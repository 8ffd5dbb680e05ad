import { isIsolated, RunRefused } from "../../../engines/engine.ts";
import type { PreparedImage } from "../../../images/image.ts";
import { isKeyError } from "../../../kms/errors.ts";
import { again, type Outcome } from "../../../reconcile/reconcile.ts";
import { streamWrites } from "../../logs/streams.ts";
import type { Effect } from "./effects.ts";
import { clippedReason } from "./failure-reason.ts";
import { hostsOf } from "./hosts.ts";
import { InputDataError } from "./input-data.ts";
import { allotment, layOut, wantedImage } from "./layout.ts";
import type { Change } from "./reconcile.ts";
import { settleAll } from "./settle-all.ts";
import type { Step } from "./step.ts";
import {
  logFileOf,
  logStreamOf,
  phaseMessage,
  restated,
  runId,
  scopeOf,
  type TrainingJob,
  trainingLogGroup,
  transition,
} from "./training-job.ts";
import { failed, judged } from "./verdicts.ts";
import { hasPool, poolFolder } from "./warm-pool.ts";
import { bringCache } from "./warm-pool-cache.ts";

/** How often a job whose image is being made looks again, and so how often its message may change. */
const imageIntervalMs = 500;
/** How often a job that waits for room looks again, besides the wake-up when it is the first in line. */
const roomIntervalMs = 5_000;
/** How long a start that fails is tried again before the job fails. */
const startPatienceMs = 15 * 60_000;

/** Takes room for all hosts once the image is there, or says what the job waits for. */
export async function prepare(effect: Effect): Promise<Change | Outcome> {
  const { world, underWay, record, now } = effect;
  const waiting = await waitForImage(effect);
  if (waiting) return waiting;
  const shortage = underWay.takeRoom(record);
  if (shortage !== undefined) {
    const short = restated(record.value, "Starting", shortage, now);
    return short === record.value ? again(roomIntervalMs) : { status: "InProgress", job: short };
  }
  const hosts = hostsOf(record.value);
  const allotments = hosts.map((host) => allotment(record.value, host, world.host));
  const notices = new Set(allotments.flatMap((each) => each.notices));
  const gpus = underWay.takeGpus(
    record,
    allotments.map((each) => each.gpus),
  );
  const job: TrainingJob = {
    ...transition(record.value, "Downloading", phaseMessage.downloading, now),
    startedAt: record.value.startedAt ?? now,
    preparedAt: now,
    gpus,
    notices: [...notices],
  };
  const streams = hosts.map(({ name, index }) => ({
    group: trainingLogGroup,
    stream: logStreamOf(job, name),
    file: logFileOf(runId(record, index)),
  }));
  const writes = await Promise.all(streams.map((stream) => streamWrites(world.store, scopeOf(record), stream)));
  // Each brings the group where it is missing: once is enough.
  const beside = new Map(writes.flat().map((write) => [JSON.stringify(write.key), write]));
  return { status: "InProgress", job, beside: [...beside.values()] };
}

/** @returns What follows while the job's image is not ready; `undefined` once it is. */
async function waitForImage({ world, record, now }: Effect): Promise<Change | Outcome | undefined> {
  const preparation = await world.images.prepare(wantedImage(record));
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

/** Starts the runs of all hosts, or leaves none behind: what cannot be started now is tried again, but not for ever. */
export async function start(effect: Effect, { leftovers }: Step & { kind: "start" }): Promise<Change | Outcome> {
  const { world, underWay, record, now } = effect;
  const { value: job } = record;
  const refuse = (reason: string): Change => ({
    status: "InProgress",
    job: judged(job, failed(clippedReason(reason)), now),
  });
  const preparation = await world.images.prepare(wantedImage(record));
  if (preparation.state === "failed") return refuse(`ClientError: ${preparation.reason}`);
  // Collected since it was ready: made again.
  if (preparation.state === "preparing") return again(imageIntervalMs);
  if (job.spec.EnableNetworkIsolation && !isIsolated(world.engine, preparation.image.root.kind)) {
    return refuse(
      "ClientError: EnableNetworkIsolation needs an engine that isolates, and this host has none: install bubblewrap (sagebrush doctor says more).",
    );
  }
  try {
    if (leftovers) await underWay.clear(record);
    await startAll(effect, preparation.image);
    return again(0);
  } catch (error) {
    await underWay.clear(record);
    if (error instanceof RunRefused) return refuse(`ClientError: ${error.message}`);
    // What it is to read or write cannot be decrypted or encrypted here, now or later.
    if (error instanceof InputDataError || isKeyError(error))
      return refuse(`ClientError: Data download failed:${error.message}`);
    if (now - (job.preparedAt ?? now) < startPatienceMs) throw error;
    return refuse(`InternalServerError: The job could not be started: ${(error as Error).message}`);
  }
}

/**
 * Lays out every host before the first run starts, so that input that cannot be laid out starts nothing. Hosts are laid out
 * at once, for each may have a feeder whose first bytes take a while.
 * @throws What the first host that failed threw, once none is starting any more.
 */
async function startAll({ world, underWay, record }: Effect, image: PreparedImage): Promise<void> {
  const runs = await settleAll(
    underWay.places(record).map(async (places) => {
      const spec = await layOut(record, places, image, world);
      if (hasPool(record.value)) await bringCache(poolFolder(record), places);
      return { id: places.runId, spec };
    }),
  );
  await settleAll(runs.map(({ id, spec }) => world.engine.start(id, spec)));
}
