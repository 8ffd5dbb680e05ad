import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { DenseRows } from "../../formats/rows.ts";
import type { LabelledTable, Member } from "../analysis/analysis.ts";
import type { ColumnProfile } from "../analysis/column-types.ts";
import { foldsOf } from "../analysis/split-rows.ts";
import { pickRows } from "../data/raw-table.ts";
import type { FeatureStyle } from "../features/feature-spec.ts";
import { applyFeatures, type FeaturePipeline, fitFeatures } from "../features/pipeline.ts";
import type { LearnerJob } from "../learners/learner.ts";
import { learnerNamed, styleOf } from "../learners/learners.ts";
import { widthOf } from "../problem.ts";
import { greedyWeights, weightedMean } from "./greedy-weights.ts";

/** Rows up to which all of them are learned from, by models of several folds; of more, one fold is held out. */
const maxFoldedRows = 50_000;
const folds = 5;
const holdOutFolds = 10;

/** One model, and where it lies in the folder of the candidate. */
export interface FoldModel {
  readonly member: number;
  readonly directory: string;
}

/** A trained ensemble. Plain data but for the folders that it names: it is kept as JSON. */
export interface Ensemble {
  readonly members: readonly (Member & { readonly weight: number })[];
  /** Every fold has features of its own: none has seen the rows that its models are judged by. */
  readonly folds: readonly {
    readonly pipelines: Partial<Record<FeatureStyle, FeaturePipeline>>;
    readonly models: readonly FoldModel[];
  }[];
}

/** What an ensemble is trained with. */
export type EnsembleJob = Pick<
  LearnerJob,
  "problem" | "objective" | "library" | "cpus" | "memoryBytes" | "seed" | "signal" | "log"
> & {
  readonly train: LabelledTable;
  readonly profiles: readonly ColumnProfile[];
  readonly members: readonly Member[];
  readonly directory: string;
};

/** An ensemble, and what it answers to rows of training that its models have not learned from. */
export interface FittedEnsemble {
  readonly ensemble: Ensemble;
  readonly heldOut: { readonly labels: Float64Array; readonly answers: Float64Array };
}

/**
 * Trains every member on every fold and weighs them by what they answer to the rows that were held out. A signal to stop
 * ends it with what there is, if there is a whole fold.
 */
export async function fitEnsemble(job: EnsembleJob): Promise<FittedEnsemble> {
  const { train, problem, members, signal, log } = job;
  const { count } = train.table;
  const isFolded = count <= maxFoldedRows;
  const parts = isFolded ? folds : holdOutFolds;
  const of = foldsOf(count, parts, problem.type === "Regression" ? undefined : train.labels, job.seed);
  const width = widthOf(problem);
  const held: number[] = [];
  const answers = members.map((): number[] => []);
  const made: Ensemble["folds"][number][] = [];
  for (let fold = 0; fold < (isFolded ? folds : 1); fold++) {
    if (signal.aborted && made.length > 0) break;
    const rows = { train: rowsWhere(of, (each) => each !== fold), held: rowsWhere(of, (each) => each === fold) };
    const done = await fitFold(job, fold, rows);
    made.push(done);
    held.push(...rows.held);
    for (const [index, own] of done.answers.entries()) for (const value of own) answers[index]?.push(value);
    log.info(`Fold ${fold + 1}: ${members.length} model(s) over ${rows.train.length} rows.`);
  }
  const labels = Float64Array.from(held, (row) => train.labels[row] as number);
  const own = answers.map((each) => Float64Array.from(each));
  if (own.some(({ length }) => length !== held.length * width)) throw new Error("a model left rows without an answer");
  const weights = greedyWeights(problem, job.objective, labels, own);
  return { ensemble: keptOf(job, made, weights), heldOut: { labels, answers: weightedMean(own, weights) } };
}

function rowsWhere(folds: Uint8Array, isWanted: (fold: number) => boolean): number[] {
  const rows: number[] = [];
  for (let row = 0; row < folds.length; row++) if (isWanted(folds[row] as number)) rows.push(row);
  return rows;
}

async function fitFold(
  job: EnsembleJob,
  fold: number,
  rows: { readonly train: readonly number[]; readonly held: readonly number[] },
) {
  const { train, problem, profiles, members, seed } = job;
  const labels = Float64Array.from(rows.train, (row) => train.labels[row] as number);
  const heldLabels = Float32Array.from(rows.held, (row) => train.labels[row] as number);
  const [trainTable, heldTable] = [pickRows(train.table, rows.train), pickRows(train.table, rows.held)];
  const pipelines: Partial<Record<FeatureStyle, FeaturePipeline>> = {};
  const features = new Map<FeatureStyle, { train: DenseRows; held: DenseRows }>();
  for (const style of new Set(members.map(({ learner }) => styleOf(learner)))) {
    const fitted = fitFeatures({ table: trainTable, labels, problem, profiles, style, seed: seed + fold });
    pipelines[style] = fitted.pipeline;
    features.set(style, { train: fitted.rows, held: applyFeatures(fitted.pipeline, heldTable) });
  }
  const models: FoldModel[] = [];
  const answers: Float64Array[] = [];
  for (const [index, { learner: name, settings }] of members.entries()) {
    const own = features.get(styleOf(name)) as { train: DenseRows; held: DenseRows };
    const learner = learnerNamed(name);
    const directory = `model-${index}-${fold}`;
    const path = join(job.directory, directory);
    mkdirSync(path, { recursive: true });
    await learner.fit({
      ...job,
      train: { rows: own.train, labels: shared(labels) },
      watched: { rows: own.held, labels: heldLabels },
      ...{ settings, directory: path, seed: seed + 31 * fold + index },
    });
    models.push({ member: index, directory });
    answers.push((await learner.load(path, problem, job.library)).predict(own.held));
  }
  return { pipelines, models, answers };
}

/** Labels where threads see them. */
function shared(labels: Float64Array): Float32Array {
  const copy = new Float32Array(new SharedArrayBuffer(labels.length * 4));
  copy.set(labels);
  return copy;
}

/** What is worth keeping: models without weight are deleted, and features that none of the others uses. */
function keptOf({ members, directory }: EnsembleJob, folds: Ensemble["folds"], weights: readonly number[]): Ensemble {
  const isKept = (member: number) => (weights[member] as number) > 0;
  const styles = new Set(members.filter((_, index) => isKept(index)).map(({ learner }) => styleOf(learner)));
  for (const { models } of folds) {
    for (const model of models)
      if (!isKept(model.member)) rmSync(join(directory, model.directory), { recursive: true });
  }
  return {
    members: members.map((member, index) => ({ ...member, weight: weights[index] as number })),
    folds: folds.map(({ pipelines, models }) => ({
      pipelines: Object.fromEntries(Object.entries(pipelines).filter(([style]) => styles.has(style as FeatureStyle))),
      models: models.filter(({ member }) => isKept(member)),
    })),
  };
}
