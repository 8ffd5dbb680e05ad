import { createHash } from "node:crypto";
import { existsSync, globSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Optimiser, type Parameter } from "../../packages/server/src/tuning/index.ts";
import { ReferenceProcess, referencePython } from "../support/reference-process.ts";

const root = join(import.meta.dirname, "..", "..");
const reference = join(root, "bench", "tuning-reference");
const ownSources = join(root, "packages", "server", "src", "tuning");

/** The functions whose bottoms are looked for: three that libraries are compared by, and two real models. */
export const problems = ["Branin", "Hartmann-6", "Ackley-5", "support vectors", "boosted trees"] as const;
export const searchers = ["Bayesian", "Random", "Optuna TPE", "scikit-optimize GP"] as const;

type Problem = (typeof problems)[number];
type Searcher = (typeof searchers)[number];

/** What one search found, in how many trials, with which seed. */
interface Search {
  readonly problem: Problem;
  readonly searcher: Searcher;
  readonly seed: number;
  readonly trials: number;
}

interface Dimension {
  readonly kind: "continuous" | "integer";
  readonly min: number;
  readonly max: number;
  readonly log?: boolean;
}

/** How much of it is to be done. */
export interface Effort {
  readonly seeds: number;
  readonly trials: number;
  /** Searches at a time, each with a process of the libraries. */
  readonly workers: number;
  /** No search is begun later than so many minutes after the start. */
  readonly minutes: number;
}

/**
 * The best loss of every searcher on every problem, by seeds. Searches take the better part of an hour of processor time, nearly all of it
 * scikit-optimize's, which come last: what was found once is kept under .build/bench-tuning for as long as nothing of what
 * decides about it changes, so that a run that was interrupted goes on, and a change of ours costs our own searches only.
 * @returns Losses of two searchers for the seeds that both were run with.
 */
export async function bestLosses(
  effort: Effort,
): Promise<(problem: Problem, pair: readonly [Searcher, Searcher]) => Pairs> {
  const { seeds, trials, workers, minutes } = effort;
  const python = referencePython("tuning", join(reference, "requirements.txt"));
  const kept = new KeptResults();
  const found = new Map<string, number>();
  const all = [searchers.slice(0, -1), searchers.slice(-1)].flatMap((some) =>
    Array.from({ length: seeds }, (_, seed) => seed).flatMap((seed) =>
      problems.flatMap((problem) => some.map((searcher): Search => ({ problem, searcher, seed, trials }))),
    ),
  );
  const queue = all.values();
  const until = performance.now() + minutes * 60_000;
  const lanes = Array.from({ length: workers }, async () => {
    const lane = new ReferenceProcess(python, [join(reference, "reference.py")]);
    try {
      for (const search of queue) {
        let best = kept.read(search);
        if (best === undefined && performance.now() < until) {
          best = await bestOf(search, lane);
          kept.write(search, best);
          process.stderr.write(`${found.size + 1} of ${all.length}: ${nameOf(search)}: ${best}\n`);
        }
        if (best !== undefined) found.set(nameOf(search), best);
      }
    } finally {
      lane.close();
    }
  });
  await Promise.all(lanes);
  return (problem, pair) => {
    const rows = Array.from({ length: seeds }, (_, seed) =>
      pair.map((searcher) => found.get(nameOf({ problem, searcher, seed, trials }))),
    ).filter((row): row is number[] => row.every((best) => best !== undefined));
    return { own: rows.map(([own]) => own as number), theirs: rows.map(([, theirs]) => theirs as number) };
  };
}

/** Losses of two searchers, seeds paired. */
interface Pairs {
  readonly own: readonly number[];
  readonly theirs: readonly number[];
}

async function bestOf(search: Search, lane: ReferenceProcess): Promise<number> {
  const { problem, searcher, seed, trials } = search;
  if (searcher === "Bayesian" || searcher === "Random") return ownSearch({ ...search, searcher }, lane);
  const { losses } = await lane.ask<{ losses: number[] }>({ do: "search", problem, library: searcher, seed, trials });
  return Math.min(...losses);
}

async function ownSearch(
  { problem, searcher: strategy, seed, trials }: Search & { readonly searcher: "Bayesian" | "Random" },
  lane: ReferenceProcess,
): Promise<number> {
  const { space } = await lane.ask<{ space: readonly Dimension[] }>({ do: "space", problem });
  const optimiser = new Optimiser({ strategy, parameters: parametersOf(space), maximise: false, seed });
  let best = Number.POSITIVE_INFINITY;
  for (let k = 0; k < trials; k++) {
    const { trial, values } = optimiser.ask() ?? { trial: 0, values: {} };
    const numbers = space.map((_, index) => Number(values[`x${index}`]));
    const { loss } = await lane.ask<{ loss: number }>({ do: "evaluate", problem, values: numbers });
    optimiser.tell(trial, loss);
    best = Math.min(best, loss);
  }
  return best;
}

/** Dimensions as an optimiser takes them. */
export function parametersOf(space: readonly Dimension[]): Parameter[] {
  return space.map(({ kind, min, max, log }, index) => ({
    ...{ name: `x${index}`, kind, min, max, scaling: log === true ? "Logarithmic" : "Linear" },
  }));
}

function nameOf({ problem, searcher, seed, trials }: Search): string {
  return `${problem}, ${searcher}, seed ${seed}, ${trials} trials`;
}

/** Results on disk, each under a digest of the files that it follows from. */
class KeptResults {
  readonly #theirs = digestOf([join(reference, "reference.py"), join(reference, "requirements.txt")]);
  readonly #own = digestOf([
    join(reference, "reference.py"),
    ...globSync(join(ownSources, "**", "*.ts")).filter(
      (file) => !file.endsWith(".test.ts") && !file.includes("stopping"),
    ),
  ]);

  read(search: Search): number | undefined {
    const file = this.#file(search);
    return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as number) : undefined;
  }

  write(search: Search, best: number): void {
    const file = this.#file(search);
    mkdirSync(join(file, ".."), { recursive: true });
    writeFileSync(`${file}.new`, JSON.stringify(best));
    renameSync(`${file}.new`, file);
  }

  #file(search: Search): string {
    const isOwn = search.searcher === "Bayesian" || search.searcher === "Random";
    return join(root, ".build", "bench-tuning", isOwn ? this.#own : this.#theirs, `${nameOf(search)}.json`);
  }
}

function digestOf(files: readonly string[]): string {
  const digest = createHash("sha256");
  for (const file of files.toSorted()) digest.update(readFileSync(file));
  return digest.digest("hex").slice(0, 16);
}
