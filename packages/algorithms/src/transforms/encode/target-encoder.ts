import { CustomerError } from "../../job/errors.ts";
import { flag, type OptionCheck, whole } from "../options.ts";
import { kFold, stratifiedKFold } from "../split/k-fold.ts";
import { type Column, denseValues, numeric } from "../table/column.ts";
import { tableOf } from "../table/table.ts";
import type { TransformKind, TransformSpec } from "../transform.ts";
import { asText, categoriesOf } from "./categories.ts";
import { labelsOf } from "./labels.ts";
import { type Encoding, encodingOf, writeEncoding } from "./target-means.ts";

/**
 * Replaces each category by the mean of the target over the rows that have it, drawn towards the mean of all rows, the more
 * the fewer they are. With more than two classes there is a column for each: `COLUMN by CLASS`. A missing value is a
 * category. Training rows get the means of other rows (of the other folds), or learners would trust them too much.
 * @see Micci-Barreca (2001), A preprocessing scheme for high-cardinality categorical attributes, SIGKDD Explorations 3(1).
 */
export interface TargetEncoderSpec extends TransformSpec {
  readonly kind: "target-encoder";
  /** Rows that the overall mean counts for; `auto`, the default, derives it from the variances (empirical Bayes). */
  readonly smooth?: number | "auto";
  /** Parts of the training rows, each of which is encoded by the others; 5 by default. */
  readonly folds?: number;
  /** Whether rows are put into folds at random; yes by default. */
  readonly shuffle?: boolean;
  readonly seed?: number;
}

interface State {
  readonly encodings: readonly Encoding[];
  /** Names of the classes that have a column each; without any there is one column. */
  readonly classes: readonly string[];
}

const smoothing: OptionCheck = (value) =>
  value === "auto" || (typeof value === "number" && value >= 0) ? undefined : "'auto' or a number of at least 0";

/** What is averaged: a list of numbers for each output. */
interface Targets {
  readonly outputs: readonly Float64Array[];
  readonly classes: readonly string[];
  /** Number of each row's class, where there are classes. */
  readonly codes?: Uint32Array;
}

export const targetEncoder: TransformKind<TargetEncoderSpec, State> = {
  kind: "target-encoder",
  options: { smooth: smoothing, folds: whole({ min: 2 }), shuffle: flag, seed: whole() },
  takes: ["text", "numeric"],
  fit(training, { smooth = "auto", folds = 5, shuffle = true, seed = 0 }) {
    const { table, target } = training;
    if (target === undefined) throw new CustomerError("Transform 'target-encoder' needs a target to learn from.");
    const { outputs, classes, codes } = targetsOf(target, table.rows);
    const folding = { folds, ...(shuffle ? { seed } : {}) };
    const fold = codes === undefined ? kFold(table.rows, folding) : stratifiedKFold(codes, folding);
    const columns = Array.from(table.columns, ([name, column]) => ({
      name,
      texts: asText(column, table.rows),
      categories: categoriesOf(column, table.rows).names,
    }));
    const encodings = columns.map(({ texts, categories }) => encodingOf(texts, outputs, { categories, smooth }));
    const encoded = columns.flatMap(({ name, texts, categories }) => {
      const values = outputs.map(() => new Float64Array(table.rows));
      for (let k = 0; k < folds; k++) {
        const others = encodingOf(texts, outputs, { categories, smooth, isUsed: (row) => fold[row] !== k });
        writeEncoding(others, texts, values, (row) => fold[row] === k);
      }
      return named(name, classes, values);
    });
    return { state: { encodings, classes }, training: { ...training, table: tableOf(table.rows, encoded) } };
  },
  open({ encodings, classes }) {
    return (table) => {
      let at = 0;
      return tableOf(
        table.rows,
        [...table.columns].flatMap(([name, column]) => {
          const values = Array.from({ length: Math.max(1, classes.length) }, () => new Float64Array(table.rows));
          writeEncoding(encodings[at++] as Encoding, asText(column, table.rows), values);
          return named(name, classes, values);
        }),
      );
    };
  },
};

function named(name: string, classes: readonly string[], values: readonly Float64Array[]): [string, Column][] {
  return values.map((each, i) => [classes.length === 0 ? name : `${name} by ${classes[i]}`, numeric(each)]);
}

/** Numbers are averaged as they are; of two classes the share of the second one; of more the share of each. */
function targetsOf(target: Column, rows: number): Targets {
  if (target.kind !== "text") {
    const values = denseValues(target, rows);
    if (values.some(Number.isNaN)) throw new CustomerError("The target is missing in some rows.");
    return { outputs: [values], classes: [] };
  }
  const { classes, codes } = labelsOf(target, rows);
  const shareOf = (wanted: number) => Float64Array.from(codes, (code) => (code === wanted ? 1 : 0));
  if (classes.length <= 2) return { outputs: [shareOf(1)], classes: [], codes };
  return { outputs: classes.map((_, code) => shareOf(code)), classes, codes };
}
