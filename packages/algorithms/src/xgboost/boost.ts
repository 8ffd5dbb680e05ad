import { setImmediate } from "node:timers/promises";
import type { JobLog } from "../job/job-log.ts";
import { Checkpoints, isReadable, standingOf } from "./checkpoints.ts";
import type { DataSet } from "./data.ts";
import { EarlyStopping } from "./early-stopping.ts";
import { evaluate, printScores } from "./evaluation.ts";
import { Booster } from "./library/booster.ts";
import type { XGBoostLibrary } from "./library/library.ts";
import { saveModel } from "./model-file.ts";
import type { Peers } from "./peers.ts";
import type { Settings } from "./settings.ts";

/** What rounds of boosting run with. */
export interface Boosting {
  readonly library: XGBoostLibrary;
  readonly settings: Settings;
  readonly sets: readonly [train: DataSet, ...watched: DataSet[]];
  readonly peers: Peers;
  readonly log: JobLog;
  readonly signal: AbortSignal;
  /** Where the model goes. */
  readonly path: string;
  readonly checkpointsDirectory: string | undefined;
}

/**
 * Adds trees round by round and writes the model.
 * @throws The signal's reason when it aborts before there is a model.
 */
export async function boost(job: Boosting): Promise<void> {
  const { library, settings, sets, peers, log, signal, path } = job;
  const checkpoints = job.checkpointsDirectory === undefined ? undefined : new Checkpoints(job.checkpointsDirectory);
  const matrices = sets.map(({ matrix }) => matrix);
  using booster = Booster.create(library, matrices);
  const begin = resume(booster, checkpoints, job);
  for (const [name, value] of settings.parameters) booster.set(name, value);
  const stopping = earlyStopping(job, begin > 0 ? standingOf(booster) : undefined);
  const isFirst = peers.rank === 0;
  let round = begin;
  let isOver = false;
  for (; round < settings.rounds && !isOver; round++) {
    await setImmediate(); // a signal to stop is heard between rounds
    // All hosts leave after the same round, or those that go on would wait for the others.
    if (peers.max(signal.aborted ? 1 : 0) > 0) break;
    booster.update(round, sets[0].matrix);
    const scores = evaluate(round, booster, sets, settings, peers);
    if (isFirst) printScores(round, scores);
    isOver = stopping?.isOver(round, scores) ?? false;
    if (isFirst) checkpoints?.write(library, booster, round, stopping?.standing);
    if (isFirst && settings.savesEveryRound) saveModel(library, booster, path);
  }
  if (round === 0) signal.throwIfAborted();
  if (!isFirst) return;
  const best = stopping?.standing;
  if (isOver && best !== undefined) {
    log.info(`Stopping. Best iteration: [${best.bestRound}] ${stopping?.watched}: ${best.bestScore}`);
  }
  // A linear model has no rounds to go back to.
  const goesBack = best !== undefined && best.bestRound + 1 < round && !isLinear(settings);
  if (!goesBack) {
    saveModel(library, booster, path);
    return;
  }
  using sliced = booster.firstRounds(best.bestRound + 1);
  saveModel(library, sliced, path);
}

/** Loads the newest checkpoint that every host can read. @returns The round to begin with. */
function resume(booster: Booster, checkpoints: Checkpoints | undefined, { library, peers, log }: Boosting): number {
  if (checkpoints === undefined) return 0;
  for (let limit = Number.POSITIVE_INFINITY; ; ) {
    const mine =
      checkpoints
        .rounds()
        .filter((round) => round < limit)
        .at(-1) ?? -1;
    const round = peers.min(mine);
    if (round < 0) return 0;
    const path = checkpoints.path(round);
    const works = checkpoints.rounds().includes(round) && isReadable(library, path);
    if (peers.min(works ? 1 : 0) === 1) {
      booster.load(path);
      log.info(`Checkpoint loaded from ${path}: resuming from iteration ${round + 1}.`);
      return round + 1;
    }
    log.warning(`The checkpoint of iteration ${round} cannot be read; looking for an older one.`);
    limit = round;
  }
}

function earlyStopping(
  { settings, sets }: Boosting,
  resumed: ReturnType<typeof standingOf>,
): EarlyStopping | undefined {
  const wanted = settings.earlyStopping;
  if (wanted === undefined) return undefined;
  return new EarlyStopping(wanted.rounds, wanted.metric, sets.at(-1)?.name ?? "train", resumed);
}

function isLinear({ parameters }: Settings): boolean {
  return parameters.some(([name, value]) => name === "booster" && value === "gblinear");
}
