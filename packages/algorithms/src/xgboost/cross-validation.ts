import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import type { TrainingContext } from "../job/algorithm.ts";
import { CustomerError } from "../job/errors.ts";
import { randomStream } from "../numerics/random.ts";
import { concatenate } from "./concatenate.ts";
import { type DataRows, type DataSet, dataSet } from "./data.ts";
import { EarlyStopping } from "./early-stopping.ts";
import { evaluate, printScores, type Score } from "./evaluation.ts";
import { assignFolds } from "./folds.ts";
import { Booster } from "./library/booster.ts";
import type { XGBoostLibrary } from "./library/library.ts";
import { modelFile, saveModel } from "./model-file.ts";
import { isClassification } from "./objectives.ts";
import { alone } from "./peers.ts";
import { pythonFloat } from "./python-number.ts";
import type { Settings } from "./settings.ts";

interface CrossValidation
  extends Pick<TrainingContext, "resources" | "log" | "signal" | "modelDirectory" | "outputDirectory"> {
  readonly library: XGBoostLibrary;
  readonly settings: Settings;
  readonly train: DataRows;
  readonly validation: DataRows | undefined;
}

/**
 * Trains a model for each fold on the other folds, over the rows of both channels, and predicts each row by the models that
 * have not seen it. Folds have alike shares of the classes. The models go to `xgboost-model-0` and so on, the predictions to
 * predictions.csv: the label, and the mean probability and the most frequent label, or the mean prediction.
 */
export async function crossValidate(job: CrossValidation): Promise<void> {
  const { library, settings, train, validation, resources, log, signal } = job;
  const { folds, repeats } = settings.crossValidation as NonNullable<Settings["crossValidation"]>;
  if (resources.hosts.length > 1)
    throw new CustomerError("Hyperparameter _kfold: cross-validation runs on one instance.");
  const rows = validation === undefined ? train : concatenate(train, validation);
  if (rows.labels.length < folds)
    throw new CustomerError(
      `Hyperparameter _kfold: ${folds} folds need as many rows, and there are ${rows.labels.length}.`,
    );
  if (rows.groups !== undefined)
    throw new CustomerError("Hyperparameter _kfold: rows of queries cannot be divided into folds.");
  const isClasses = isClassification(settings.objective, settings.classes);
  using whole = dataSet("whole", rows, library, settings);
  const random = randomStream(settings.seed);
  const answers = new FoldAnswers(rows.labels.length, settings);
  const scores: Score[][] = [];
  for (let repeat = 0; repeat < repeats; repeat++) {
    const fold = assignFolds(rows.labels, folds, isClasses, random);
    for (let held = 0; held < folds; held++) {
      await setImmediate();
      signal.throwIfAborted();
      log.info(`Cross-validation: round ${repeat + 1} of ${repeats}, fold ${held + 1} of ${folds}.`);
      const [inside, outside] = divide(fold, held);
      using trainSet = slice("train", whole, inside);
      using heldSet = slice("validation", whole, outside);
      using booster = Booster.create(library, [trainSet.matrix, heldSet.matrix]);
      scores.push(await trainFold(booster, [trainSet, heldSet], job));
      saveModel(library, booster, join(job.modelDirectory, `${modelFile}-${repeat * folds + held}`));
      answers.add(outside, booster.predict(heldSet.matrix, "value"));
    }
  }
  printScores(settings.rounds, meanScores(scores));
  writeFileSync(join(job.outputDirectory, "predictions.csv"), answers.toCsv(rows.labels));
}

async function trainFold(
  booster: Booster,
  sets: readonly [DataSet, DataSet],
  { settings, signal }: CrossValidation,
): Promise<Score[]> {
  for (const [name, value] of settings.parameters) booster.set(name, value);
  const wanted = settings.earlyStopping;
  const stopping = wanted && new EarlyStopping(wanted.rounds, wanted.metric, "validation");
  let scores: Score[] = [];
  for (let round = 0; round < settings.rounds; round++) {
    await setImmediate();
    signal.throwIfAborted();
    booster.update(round, sets[0].matrix);
    const isLast = round + 1 === settings.rounds;
    if (stopping === undefined && !isLast) continue; // only the last round's scores are told
    scores = evaluate(round, booster, sets, settings, alone);
    if (stopping?.isOver(round, scores)) break;
  }
  return scores;
}

function divide(fold: Int32Array, held: number): [inside: Int32Array, outside: Int32Array] {
  const rows = Array.from(fold, (_, row) => row);
  return [
    Int32Array.from(rows.filter((row) => fold[row] !== held)),
    Int32Array.from(rows.filter((row) => fold[row] === held)),
  ];
}

function slice(name: string, { matrix, labels, columns }: DataSet, rows: Int32Array): DataSet {
  const part = matrix.slice(rows);
  return {
    name,
    matrix: part,
    labels: Float32Array.from(rows, (row) => labels[row] as number),
    columns,
    [Symbol.dispose]: () => part[Symbol.dispose](),
  };
}

function meanScores(all: readonly Score[][]): Score[] {
  const first = all[0] ?? [];
  return first.map(([name], i) => [
    name,
    all.reduce((sum, scores) => sum + (scores[i]?.[1] ?? Number.NaN), 0) / all.length,
  ]);
}

/** Answers of the models that have not seen a row, gathered. */
class FoldAnswers {
  readonly #settings: Settings;
  readonly #answers: number[][][];

  constructor(rows: number, settings: Settings) {
    this.#settings = settings;
    this.#answers = Array.from({ length: rows }, () => []);
  }

  add(rows: Int32Array, values: Float32Array): void {
    const width = values.length / Math.max(1, rows.length);
    for (const [i, row] of rows.entries())
      this.#answers[row]?.push(Array.from(values.subarray(i * width, (i + 1) * width)));
  }

  toCsv(labels: Float32Array): string {
    return this.#answers
      .map((answers, row) => `${[labels[row] as number, ...this.#summary(answers)].map(pythonFloat).join(",")}\n`)
      .join("");
  }

  #summary(answers: readonly number[][]): number[] {
    const { objective, classes } = this.#settings;
    const mean = (at: number) => answers.reduce((sum, each) => sum + (each[at] as number), 0) / answers.length;
    if (!isClassification(objective, classes)) return [mean(0)];
    const said = answers.map((answer) => labelOf(answer, objective));
    const label = mostFrequent(said);
    const isList = (answers[0]?.length ?? 1) > 1;
    return [isList ? mean(label) : mean(0), label];
  }
}

function labelOf(answer: readonly number[], objective: string): number {
  if (answer.length > 1) return answer.indexOf(Math.max(...answer));
  const value = answer[0] as number;
  if (objective === "binary:logistic") return value > 0.5 ? 1 : 0;
  return objective === "binary:logitraw" ? Number(value > 0) : value;
}

/** The smallest of the most frequent values. */
export function mostFrequent(values: readonly number[]): number {
  const counts = new Map<number, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].sort(([a, x], [b, y]) => y - x || a - b)[0]?.[0] ?? Number.NaN;
}
