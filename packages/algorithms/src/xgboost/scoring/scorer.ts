import type { Rows } from "../../formats/rows.ts";
import type { Prediction } from "../library/booster.ts";
import { type DenseBlock, denseBlocks } from "./dense-blocks.ts";
import { ModelFileError, UnscoredModelError } from "./errors.ts";
import { layOut } from "./forest.ts";
import { ForestKernel } from "./forest-kernel.ts";
import type { LinearBooster, ModelFile, TreeBooster } from "./format/model-file.ts";
import { linearWeights, sumLinear } from "./linear.ts";
import { links } from "./objectives.ts";
import { sumTrees } from "./sum-trees.ts";

/** A model that scores rows without XGBoost's library. */
export interface Scorer {
  readonly objective: string;
  /** Columns of the rows that it was trained on. */
  readonly features: number;
  /** Of the objective; 0 where it has none. */
  readonly classes: number;
  /** Answers for all rows, row-major where a row has several. */
  predict(rows: Rows, what: Prediction): Float32Array;
}

/** Every row has a number for each output: a file of a few bytes must not ask for gigabytes. */
const maxOutputs = 2 ** 20;

/**
 * Makes a model ready to score. A model of version 1 that notes its best rounds (`best_ntree_limit`, as early stopping in Python
 * leaves it) answers with those, as in SageMaker's container; newer versions have given that up.
 * @throws ModelFileError where the model contradicts itself.
 * @throws UnscoredModelError for an objective that is not known here.
 */
export function scorerOf(model: ModelFile): Scorer {
  const { objective, features, classes, outputs, booster } = model;
  if (outputs > maxOutputs) throw new UnscoredModelError(`${outputs} outputs`);
  const link = links.get(objective);
  if (link === undefined) throw new UnscoredModelError(`the objective ${JSON.stringify(objective)}`);
  const base = baseMargins(model, link.toMargin);
  const { width, sums } = booster.kind === "trees" ? treeSums(model, booster, base) : linearSums(model, booster, base);
  return {
    objective,
    features,
    classes,
    predict: (rows, what) => {
      const all = new Float32Array(rows.count * outputs);
      denseBlocks(rows, width, (block) => {
        sums(block, all.subarray(block.begin * outputs, (block.begin + block.count) * outputs));
      });
      return what === "margin" ? all : link.answers(all, outputs);
    },
  };
}

/** How rows become sums. */
interface Summing {
  /** Columns of a row that are looked at. */
  readonly width: number;
  /** @param sums - Shape (count, outputs); written over. */
  sums(block: DenseBlock, sums: Float32Array): void;
}

function treeSums(model: ModelFile, booster: TreeBooster, base: Float32Array): Summing {
  const { features, outputs } = model;
  const forest = layOut(booster, { features, outputs }, bestRounds(model, booster));
  const kernel = ForestKernel.fits(forest) ? new ForestKernel(forest) : undefined;
  return {
    width: forest.width,
    sums: ({ values, width, count }, sums) => {
      for (let i = 0; i < sums.length; i++) sums[i] = base[i % outputs] as number;
      const order = { values, width, count, sums, outputs };
      if (kernel?.takes(order)) kernel.sumTrees(order);
      else sumTrees(forest, order);
    },
  };
}

function linearSums({ features, outputs }: ModelFile, { weights }: LinearBooster, base: Float32Array): Summing {
  const all = linearWeights(weights, features, outputs);
  return {
    width: all.length / outputs - 1,
    // Linear models begin all outputs with the first base score, in every version.
    sums: ({ values, width, count }, sums) =>
      sumLinear(all, { values, width, count, sums, outputs, base: base[0] as number }),
  };
}

/** What the sums of each output begin with. */
function baseMargins({ baseScore, outputs }: ModelFile, toMargin: (answer: number) => number): Float32Array {
  const { values, isMargin } = baseScore;
  if (values.length !== 1 && values.length !== outputs) {
    throw new ModelFileError(`base_score has ${values.length} numbers where the model has ${outputs} outputs`);
  }
  const margins = values.map((value) => (isMargin ? value : toMargin(value)));
  return Float32Array.from({ length: outputs }, (_, i) => margins[margins.length === 1 ? 0 : i] as number);
}

function bestRounds({ version, attributes }: ModelFile, { parallelTrees }: TreeBooster): number | undefined {
  const limit = attributes.get("best_ntree_limit");
  if (version[0] !== 1 || limit === undefined || !/^[1-9]\d{0,8}$/.test(limit)) return undefined;
  return Math.floor(Number(limit) / parallelTrees);
}
