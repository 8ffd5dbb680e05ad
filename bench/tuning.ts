import { join } from "node:path";
import { Hyperband, Optimiser, type Parameter } from "../packages/server/src/tuning/index.ts";
import { benchAutopilot } from "./autopilot/autopilot-bench.ts";
import { ReferenceProcess, referencePython } from "./support/reference-process.ts";
import { type Figure, median, report } from "./support/report.ts";
import { wilcoxon } from "./support/wilcoxon.ts";
import { controllerOverhead } from "./tuning-tasks/controller-overhead.ts";
import { type EpochTask, epochParameters, epochTasks } from "./tuning-tasks/epoch-tasks.ts";

/**
 * Bayesian search against random search, Optuna's TPE and scikit-optimize's Gaussian process: the best loss after 50 trials,
 * seeds paired. And what a trial costs beyond what it does itself, and one suggestion after 750 trials. `-- --seeds 5 --trials 50`
 * make it smaller; `-- overhead` measures only the last two. `-- autopilot` measures Autopilot instead; `--candidates 4` makes that
 * smaller.
 */
const problems = ["Branin", "Hartmann-6", "Ackley-5", "support vectors", "boosted trees"] as const;
const libraries = ["Optuna TPE", "scikit-optimize GP"] as const;

const args = process.argv.slice(2);
const seeds = option("--seeds", 20);
const trials = option("--trials", 50);
/** Of random search in the comparison with Hyperband. */
const fullTrials = 40;
const epochs = 81;

interface Dimension {
  readonly kind: "continuous" | "integer";
  readonly min: number;
  readonly max: number;
  readonly log?: boolean;
}

if (args[0] === "autopilot") {
  await benchAutopilot(option("--candidates", 10));
  process.exit();
}

const reference = join(import.meta.dirname, "tuning-reference");
if (args.includes("overhead")) {
  report("tuning", [...(await controllerOverhead()), ...suggestionAfter750()]);
  process.exit(0);
}
const python = referencePython("tuning", join(reference, "requirements.txt"));
const process_ = new ReferenceProcess(python, [join(reference, "reference.py")]);
try {
  const figures: Figure[] = [];
  let betterThanRandom = 0;
  for (const problem of problems) {
    const { space } = await process_.ask<{ space: readonly Dimension[] }>({ do: "space", problem });
    const bests = new Map<string, number[]>();
    for (let seed = 0; seed < seeds; seed++) {
      add(bests, "Bayesian", await search(problem, space, "Bayesian", seed));
      add(bests, "Random", await search(problem, space, "Random", seed));
      for (const library of libraries) {
        const { losses } = await process_.ask<{ losses: number[] }>({ do: "search", problem, library, seed, trials });
        add(bests, library, Math.min(...losses));
      }
      process.stderr.write(`${problem}: seed ${seed + 1} of ${seeds}\n`);
    }
    const own = bests.get("Bayesian") as number[];
    for (const [other, theirs] of bests) {
      if (other === "Bayesian") continue;
      const { isBetter, isWorse } = wilcoxon(own, theirs);
      if (other === "Random" && isBetter) betterThanRandom += 1;
      figures.push({
        what: `${problem}: median best loss`,
        ...{ value: median(own), unit: "" },
        reference: `${other} ${median(theirs).toPrecision(4)} (${isBetter ? "better" : isWorse ? "worse" : "no difference"} at p < 0.05)`,
      });
      figures.push({
        what: `${problem}: worse than ${other} at p < 0.05`,
        value: isWorse ? 1 : 0,
        unit: "",
        must: "= 0",
      });
    }
  }
  figures.push({
    what: "problems on which it is better than Random",
    value: betterThanRandom,
    unit: "of 5",
    must: ">= 4",
  });
  figures.push(...hyperband(), ...(await controllerOverhead()), ...suggestionAfter750());
  report("tuning", figures);
} finally {
  process_.close();
}

/** The best loss of one of our own searches. */
async function search(
  problem: string,
  space: readonly Dimension[],
  strategy: "Bayesian" | "Random",
  seed: number,
): Promise<number> {
  const optimiser = new Optimiser({ strategy, parameters: parametersOf(space), maximise: false, seed });
  let best = Number.POSITIVE_INFINITY;
  for (let k = 0; k < trials; k++) {
    const { trial, values } = optimiser.ask() ?? { trial: 0, values: {} };
    const numbers = space.map((_, index) => Number(values[`x${index}`]));
    const { loss } = await process_.ask<{ loss: number }>({ do: "evaluate", problem, values: numbers });
    optimiser.tell(trial, loss);
    best = Math.min(best, loss);
  }
  return best;
}

function parametersOf(space: readonly Dimension[]): Parameter[] {
  return space.map(({ kind, min, max, log }, index) => ({
    ...{ name: `x${index}`, kind, min, max, scaling: log === true ? "Logarithmic" : "Linear" },
  }));
}

function add(to: Map<string, number[]>, name: string, value: number): void {
  to.set(name, [...(to.get(name) ?? []), value]);
}

/**
 * Small networks, whose held-out loss is known after each epoch: what share of the epochs that random search spends on 40
 * trials Hyperband needs, with four trials at once, for a best loss as low.
 */
function hyperband(): Figure[] {
  return epochTasks().map((task) => {
    const shares: number[] = [];
    for (let seed = 0; seed < seeds; seed++) {
      const random = new Optimiser({ strategy: "Random", parameters: epochParameters, maximise: false, seed });
      let best = Number.POSITIVE_INFINITY;
      for (let k = 0; k < fullTrials; k++) {
        const losses = task.train(random.ask()?.values ?? {});
        let last = 0;
        for (let epoch = 0; epoch < epochs; epoch++) last = losses.next().value as number;
        best = Math.min(best, last);
      }
      shares.push(epochsUntil(task, best, 1000 + seed) / (fullTrials * epochs));
    }
    process.stderr.write(`Hyperband on ${task.name}: ${shares.map((share) => share.toFixed(2)).join(" ")}\n`);
    return {
      what: `Hyperband on ${task.name}: median share of Random's budget`,
      ...{
        value: median(shares),
        unit: "",
        reference: "Random's best after 40 trials of 81 epochs",
        must: "<= 0.3334",
      },
    };
  });
}

/** Epochs that Hyperband spends until a trial ends as well as `goal`; at most twice the whole budget. */
function epochsUntil(task: EpochTask, goal: number, seed: number): number {
  const optimiser = new Optimiser({ strategy: "Hyperband", parameters: epochParameters, maximise: false, seed });
  const rule = new Hyperband({ maximise: false, minResource: 1, maxResource: epochs, seed });
  const running = new Map<number, { readonly losses: Iterator<number>; readonly curve: number[] }>();
  let spent = 0;
  while (spent < 2 * fullTrials * epochs) {
    while (running.size < 4) {
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

function suggestionAfter750(): Figure[] {
  const parameters = parametersOf(Array.from({ length: 6 }, () => ({ kind: "continuous" as const, min: 0, max: 1 })));
  const times: number[] = [];
  const processor: number[] = [];
  for (let round = 0; round < 5; round++) {
    const random = new Optimiser({ strategy: "Random", parameters, maximise: false, seed: round });
    const optimiser = new Optimiser({ strategy: "Bayesian", parameters, maximise: false, seed: round });
    for (let k = 0; k < 750; k++) {
      const { trial, values } = random.ask() ?? { trial: 0, values: {} };
      optimiser.resume(trial, values);
      const x = Object.values(values).map(Number);
      optimiser.tell(
        trial,
        x.reduce((sum, each, index) => sum + (each - index / 10) ** 2, Math.sin(9 * (x[0] ?? 0))),
      );
    }
    const began = performance.now();
    const before = process.cpuUsage();
    optimiser.ask();
    times.push((performance.now() - began) / 1000);
    const { user, system } = process.cpuUsage(before);
    processor.push((user + system) / 1e6);
  }
  return [
    { what: "one suggestion with 750 finished trials", value: median(times), unit: "s", must: "<= 1" },
    { what: "processor time of that", value: median(processor), unit: "s" },
  ];
}

function option(name: string, otherwise: number): number {
  const at = args.indexOf(name);
  return at < 0 ? otherwise : Number(args[at + 1]);
}
