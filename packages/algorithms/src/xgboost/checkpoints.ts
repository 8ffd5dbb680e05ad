import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Standing } from "./early-stopping.ts";
import { Booster } from "./library/booster.ts";
import type { XGBoostLibrary } from "./library/library.ts";
import { saveModel } from "./model-file.ts";

/** As many as the service keeps: an interruption may come while the newest is on its way. */
const keptCheckpoints = 5;
const form = /^xgboost-checkpoint\.(\d+)$/;
const unfinished = /^\.xgboost-checkpoint\.\d+\.new/;

/** `xgboost-checkpoint.ROUND` in the checkpoint folder: the model after that round. */
export class Checkpoints {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
    // What a run that was killed was writing; the folder is copied to S3 as it is.
    for (const name of readdirSync(directory))
      if (unfinished.test(name)) rmSync(join(directory, name), { force: true });
  }

  /** Rounds of the checkpoints that are there, ascending. */
  rounds(): number[] {
    const names = readdirSync(this.#directory).flatMap((name) => form.exec(name)?.[1] ?? []);
    return names.map(Number).sort((a, b) => a - b);
  }

  path(round: number): string {
    return join(this.#directory, `xgboost-checkpoint.${round}`);
  }

  /** Writes a checkpoint, whole or not at all, and removes the oldest ones. */
  write(library: XGBoostLibrary, booster: Booster, round: number, standing: Standing | undefined): void {
    if (standing !== undefined) {
      booster.setAttribute("best_iteration", String(standing.bestRound));
      booster.setAttribute("best_score", String(standing.bestScore));
    }
    saveModel(library, booster, this.path(round));
    for (const old of this.rounds().slice(0, -keptCheckpoints)) rmSync(this.path(old), { force: true });
  }
}

/** How early stopping stood when a checkpoint was written. */
export function standingOf(booster: Booster): Standing | undefined {
  const round = booster.attribute("best_iteration");
  const score = booster.attribute("best_score");
  return round === undefined || score === undefined
    ? undefined
    : { bestRound: Number(round), bestScore: Number(score) };
}

/** Whether a checkpoint can be read. */
export function isReadable(library: XGBoostLibrary, path: string): boolean {
  using booster = Booster.create(library);
  try {
    booster.load(path);
    return true;
  } catch {
    return false; // cut off, or of something else: an older one may do
  }
}
