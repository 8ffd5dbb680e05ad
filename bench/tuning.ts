import { Optimiser } from "../packages/server/src/tuning/index.ts";
import { benchAutopilot } from "./autopilot/autopilot-bench.ts";
import { type Figure, median, report } from "./support/report.ts";
import { wilcoxon } from "./support/wilcoxon.ts";
import { bestLosses, parametersOf, problems, searchers } from "./tuning-tasks/best-losses.ts";
import { controllerOverhead } from "./tuning-tasks/controller-overhead.ts";
import { hyperbandShares } from "./tuning-tasks/hyperband-shares.ts";

/**
 * Bayesian search against random search, Optuna's TPE and scikit-optimize's Gaussian process: the best loss after 50 trials,
 * seeds paired. Hyperband against random search. And what a trial costs beyond what it does itself, and one suggestion after 750
 * trials. `-- --seeds 5 --trials 50` make it smaller, `--minutes 30` ends the comparison where it is then; it goes on there the
 * next time. `-- hyperband` and `-- overhead` measure only those. `-- autopilot` measures Autopilot instead; `--candidates 4`
 * makes that smaller.
 */
const args = process.argv.slice(2);
const seeds = option("--seeds", 20);

if (args[0] === "autopilot") {
  await benchAutopilot(option("--candidates", 10));
  process.exit();
}

if (args.includes("overhead")) {
  report("tuning", [...(await controllerOverhead()), ...suggestionAfter750()]);
  process.exit(0);
}
if (args.includes("hyperband")) {
  report("tuning", hyperbandShares(seeds));
  process.exit(0);
}
report("tuning", [
  ...(await comparison()),
  ...hyperbandShares(seeds),
  ...(await controllerOverhead()),
  ...suggestionAfter750(),
]);

async function comparison(): Promise<Figure[]> {
  const lossesOf = await bestLosses({
    ...{ seeds, trials: option("--trials", 50) },
    ...{ workers: option("--workers", 2), minutes: option("--minutes", Number.POSITIVE_INFINITY) },
  });
  const figures: Figure[] = [];
  let betterThanRandom = 0;
  for (const problem of problems) {
    for (const other of searchers) {
      if (other === "Bayesian") continue;
      const { own, theirs } = lossesOf(problem, ["Bayesian", other]);
      const { isBetter, isWorse } = wilcoxon(own, theirs);
      if (other === "Random" && isBetter) betterThanRandom += 1;
      if (own.length === 0) continue;
      const verdict = isBetter ? "better" : isWorse ? "worse" : "no difference";
      figures.push({
        what: `${problem}: median best loss`,
        ...{ value: median(own), unit: "" },
        reference: `${other} ${median(theirs).toPrecision(4)} (${verdict} at p < 0.05, ${own.length} seeds)`,
      });
      figures.push({
        what: `${problem}: worse than ${other} at p < 0.05`,
        ...{ value: isWorse ? 1 : 0, unit: "", must: "= 0" },
      });
    }
  }
  figures.push({
    what: "problems on which it is better than Random",
    ...{ value: betterThanRandom, unit: "of 5", must: ">= 4" },
  });
  return figures;
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
