import { CustomerError } from "../../job/errors.ts";
import { randomStream } from "../../numerics/random.ts";
import { type Labels, labelsOf } from "../encode/labels.ts";
import { whole } from "../options.ts";
import { byClass } from "../split/k-fold.ts";
import { range, shuffle } from "../split/shuffle.ts";
import type { Training, TransformKind, TransformSpec } from "../transform.ts";

/** Repeats training rows of smaller classes, at random, until every class has as many as the largest. */
export interface OversampleSpec extends TransformSpec {
  readonly kind: "oversample";
  readonly seed?: number;
}

/** Leaves out training rows of larger classes, at random, until every class has as many as the smallest. */
export interface UndersampleSpec extends TransformSpec {
  readonly kind: "undersample";
  readonly seed?: number;
}

type Nothing = Record<string, never>;

export const oversample: TransformKind<OversampleSpec, Nothing> = {
  kind: "oversample",
  options: { seed: whole() },
  takes: [],
  fit(training, { seed = 0 }) {
    const labels = classesOf(training, "oversample");
    const random = randomStream(seed);
    const more = lackingOf(labels).map(({ rows, lacking }) =>
      Uint32Array.from({ length: lacking }, () => rows[Math.floor(random.uniform() * rows.length)] as number),
    );
    return { state: {}, rows: Uint32Array.from([range(training.table.rows), ...more].flatMap((rows) => [...rows])) };
  },
  open: () => (table) => table,
};

export const undersample: TransformKind<UndersampleSpec, Nothing> = {
  kind: "undersample",
  options: { seed: whole() },
  takes: [],
  fit(training, { seed = 0 }) {
    const labels = classesOf(training, "undersample");
    const random = randomStream(seed);
    const least = Math.min(...labels.counts);
    const kept = rowsOf(labels).flatMap((rows) =>
      rows.length === least ? [...rows] : [...shuffle(rows, random).subarray(0, least)],
    );
    return { state: {}, rows: Uint32Array.from(kept).sort() };
  },
  open: () => (table) => table,
};

/** @throws CustomerError without classes to make equal. */
export function classesOf({ table, target }: Training, kind: string): Labels {
  if (target === undefined) throw new CustomerError(`Transform '${kind}' needs a target: classes to make equal.`);
  return labelsOf(target, table.rows);
}

/** The rows of each class, and how many fewer they are than those of the largest. */
export function lackingOf(
  labels: Labels,
): { readonly code: number; readonly rows: Uint32Array; readonly lacking: number }[] {
  const most = Math.max(0, ...labels.counts);
  return rowsOf(labels).map((rows, code) => ({ code, rows, lacking: most - rows.length }));
}

function rowsOf({ codes, counts }: Labels): Uint32Array[] {
  const order = byClass(codes, counts);
  let at = 0;
  return counts.map((count) => {
    at += count;
    return order.slice(at - count, at);
  });
}
