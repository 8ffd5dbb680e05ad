import { writeLine } from "../job/write-line.ts";
import type { DataSet } from "./data.ts";
import type { Booster } from "./library/booster.ts";
import { metricOf, metricSums } from "./own-metrics.ts";
import type { Peers } from "./peers.ts";
import type { Settings } from "./settings.ts";

/** A metric of a set, such as `validation-rmse`, and its value. */
export type Score = readonly [name: string, value: number];

/** Measures the model on every set: by the library, and by our own metrics over the rows of all hosts. */
export function evaluate(
  round: number,
  booster: Booster,
  sets: readonly DataSet[],
  settings: Settings,
  peers: Peers,
): Score[] {
  const native: Score[] = booster.evaluate(round, sets);
  if (settings.ownMetrics.length === 0) return native;
  return sets.flatMap((set) => [
    ...native.filter(([name]) => name.startsWith(`${set.name}-`)),
    ...ownScores(booster, set, settings, peers),
  ]);
}

function ownScores(
  booster: Booster,
  set: DataSet,
  { objective, classes, ownMetrics }: Settings,
  peers: Peers,
): Score[] {
  const margins = booster.predict(set.matrix, "margin");
  const answers = classes === undefined ? booster.predict(set.matrix, "value") : margins;
  const own = metricSums(objective, classes, { labels: set.labels, margins, answers });
  const sums = { ...own, values: peers.sum(own.values) };
  return ownMetrics.map((name) => [`${set.name}-${name}`, metricOf(name, sums)]);
}

/**
 * Prints a round: `[3]#011train-rmse:1.23456#011validation-rmse:1.30001`. `#011` is the tabulator as the service's log has
 * it, which metric expressions count on.
 */
export function printScores(round: number, scores: readonly Score[]): void {
  writeLine(`[${round}]${scores.map(([name, value]) => `#011${name}:${fixed(value)}`).join("")}`);
}

/** Five decimals, as Python's `%.5f` writes them. */
function fixed(value: number): string {
  if (Number.isNaN(value)) return "nan";
  return Number.isFinite(value) ? value.toFixed(5) : value > 0 ? "inf" : "-inf";
}
