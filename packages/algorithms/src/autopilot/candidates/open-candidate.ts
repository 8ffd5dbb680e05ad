import { join } from "node:path";
import type { DenseRows } from "../../formats/rows.ts";
import type { RawTable } from "../data/raw-table.ts";
import type { Ensemble } from "../ensemble/fit-ensemble.ts";
import type { FeatureStyle } from "../features/feature-spec.ts";
import { applyFeatures, type FeaturePipeline } from "../features/pipeline.ts";
import type { LearnedModel } from "../learners/learner.ts";
import { learnerNamed, styleOf } from "../learners/learners.ts";
import { type Problem, widthOf } from "../problem.ts";
import type { Artifact } from "./artifact.ts";

/** Answers rows of text. @returns Shape (rows, width) of `widthOf`. */
export type Answering = (table: RawTable) => Float64Array;

/** Opens the models of an ensemble. */
export async function openEnsemble(
  { ensemble, problem }: Extract<Artifact, { kind: "ensemble" }>,
  directory: string,
  library: string | undefined,
): Promise<Answering> {
  const folds = await Promise.all(
    ensemble.folds.map(async ({ pipelines, models }) => ({
      pipelines,
      models: await Promise.all(
        models.map(async ({ member, directory: own }) => {
          const { learner, weight } = ensemble.members[member] as Ensemble["members"][number];
          const model = await learnerNamed(learner).load(join(directory, own), problem, library);
          return { style: styleOf(learner), weight, model };
        }),
      ),
    })),
  );
  return (table) => meanOf(table, problem, folds);
}

interface OpenFold {
  readonly pipelines: Partial<Record<FeatureStyle, FeaturePipeline>>;
  readonly models: readonly { readonly style: FeatureStyle; readonly weight: number; readonly model: LearnedModel }[];
}

/** The mean over folds of what their models answer by their weights. */
function meanOf(table: RawTable, problem: Problem, folds: readonly OpenFold[]): Float64Array {
  const sum = new Float64Array(table.count * widthOf(problem));
  for (const { pipelines, models } of folds) {
    const features = new Map<FeatureStyle, DenseRows>();
    for (const { style, weight, model } of models) {
      const rows = features.get(style) ?? applyFeatures(pipelines[style] as FeaturePipeline, table);
      features.set(style, rows);
      const own = model.predict(rows);
      for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] as number) + (weight * (own[i] as number)) / folds.length;
    }
  }
  return sum;
}

/** Folder of the model of a candidate that is one. */
export const modelFolder = "model";

/** Opens a model that answers features. */
export async function openModel(
  { learner, problem }: Extract<Artifact, { kind: "model" }>,
  directory: string,
  library: string | undefined,
): Promise<LearnedModel> {
  return await learnerNamed(learner).load(join(directory, modelFolder), problem, library);
}
