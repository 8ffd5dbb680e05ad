import { Hyperband, Optimiser } from "../../packages/server/src/tuning/index.ts";
import { type Figure, median } from "../support/report.ts";
import { type EpochTask, epochTasks } from "./epoch-tasks.ts";

/** Trials of random search, each of so many epochs. */
const fullTrials = 40;
const epochs = 81;
/** Trials of Hyperband at once. */
const parallel = 4;

/**
 * What share of the epochs that random search spends on 40 trials Hyperband needs, with four trials at once, for a best loss
 * as low: on two tasks that early stopping is for, and on two that it is misled by.
 */
export function hyperbandShares(seeds: number): Figure[] {
  return epochTasks().map((task) => {
    const shares = Array.from({ length: seeds }, (_, seed) => {
      return epochsUntil(task, bestOfRandom(task, seed), 1000 + seed) / (fullTrials * epochs);
    });
    process.stderr.write(`Hyperband on ${task.name}: ${shares.map((share) => share.toFixed(2)).join(" ")}\n`);
    return {
      what: `Hyperband on ${task.name}: median share of Random's budget`,
      ...{ value: median(shares), unit: "" },
      reference: `Random's best after ${fullTrials} trials of ${epochs} epochs, ${seeds} seeds`,
      ...(task.isForEarlyStopping && { must: "<= 0.3334" }),
    };
  });
}

function bestOfRandom(task: EpochTask, seed: number): number {
  const random = new Optimiser({ strategy: "Random", parameters: task.parameters, maximise: false, seed });
  let best = Number.POSITIVE_INFINITY;
  for (let k = 0; k < fullTrials; k++) {
    const losses = task.train(random.ask()?.values ?? {});
    let last = 0;
    for (let epoch = 0; epoch < epochs; epoch++) last = losses.next().value as number;
    best = Math.min(best, last);
  }
  return best;
}

/** Epochs that Hyperband spends until a trial ends as well as `goal`; at most twice the whole budget. */
function epochsUntil(task: EpochTask, goal: number, seed: number): number {
  const optimiser = new Optimiser({ strategy: "Hyperband", parameters: task.parameters, maximise: false, seed });
  const rule = new Hyperband({ maximise: false, minResource: 1, maxResource: epochs });
  const running = new Map<number, { readonly losses: Iterator<number>; readonly curve: number[] }>();
  let spent = 0;
  while (spent < 2 * fullTrials * epochs) {
    while (running.size < parallel) {
      const { trial, values } = optimiser.ask() ?? { trial: 0, values: {} };
      running.set(trial, { losses: task.train(values), curve: [] });
    }
    for (const [trial, { losses, curve }] of running) {
      const loss = losses.next().value as number;
      curve.push(loss);
      spent += 1;
      if (rule.review(trial, curve) === "continue") continue;
      rule.end(trial, curve);
      optimiser.tell(trial, loss);
      running.delete(trial);
      if (loss <= goal) return spent;
    }
  }
  return spent;
}
