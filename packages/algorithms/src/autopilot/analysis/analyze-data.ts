import { CustomerError } from "../../job/errors.ts";
import { ensemblePlans, pipelinePlans } from "../candidates/plans.ts";
import { columnOf, pickRows, type RawTable } from "../data/raw-table.ts";
import { type LearnerName, learnerNames } from "../learners/learner.ts";
import { defaultObjective, type MetricName, objectivesOf } from "../metrics/metric-names.ts";
import type { Problem, ProblemType } from "../problem.ts";
import type { Analysis } from "./analysis.ts";
import { type ColumnKind, profileColumn } from "./column-types.ts";
import { noteData } from "./note-data.ts";
import { labelsOf, resolveProblem } from "./resolve-problem.ts";
import { splitRows } from "./split-rows.ts";

/** Fewer rows say nothing: some of them are held out, and the rest is divided again. */
const fewestRows = 50;
/** What the service asks for; fewer are taken here, with a word about it. */
const advisableRows = 500;
/** Size of the data from which the service searches hyperparameters instead of making ensembles. */
const searchBytes = 100 * 2 ** 20;
const seed = 20_200_101;

/** What a job wants of its data. */
export interface AnalysisRequest {
  readonly target: string;
  readonly problemType: ProblemType | undefined;
  readonly objective: MetricName | undefined;
  readonly mode: "AUTO" | "ENSEMBLING" | "HYPERPARAMETER_TUNING";
  readonly algorithms: readonly LearnerName[];
  readonly validationFraction: number;
  readonly maxCandidates: number;
  /** The columns to use, and what some of them are; all columns when absent. */
  readonly features: { readonly names: readonly string[]; readonly kinds: ReadonlyMap<string, ColumnKind> } | undefined;
  readonly sizeBytes: number;
}

/** The analysis, and the rows that it divided. */
export interface AnalyzedData {
  readonly analysis: Analysis;
  readonly train: RawTable;
  readonly validation: RawTable;
}

/**
 * Checks data and decides what is made of it.
 * @param given - The training channel.
 * @param held - The validation channel, where there is one.
 * @throws CustomerError saying what is wrong with the data.
 */
export function analyzeData(given: RawTable, held: RawTable | undefined, request: AnalysisRequest): AnalyzedData {
  const notes: string[] = [];
  const { target } = request;
  checkColumns(given, request);
  const table = labelled(given, target, "training", notes);
  if (table.count < fewestRows) {
    throw new CustomerError(
      `The training data has ${table.count} row(s) with a value of the target attribute '${target}'; at least ${fewestRows} are needed.`,
    );
  }
  if (table.count < advisableRows) {
    notes.push(`The training data has ${table.count} rows. With fewer than ${advisableRows}, metrics vary a lot.`);
  }
  const problem = resolveProblem(target, columnOf(table, target), request.problemType);
  const { train, validation } = divided(table, held, problem, request, notes);
  const profiles = profilesOf(train, request);
  notes.push(...noteData(train, profiles, problem));
  for (const { name, left } of profiles) if (left !== undefined) notes.push(`Column '${name}' is left out: ${left}.`);
  if (profiles.every(({ left }) => left !== undefined)) {
    throw new CustomerError(
      `No column of the training data can be learned from: ${profiles.map(({ name, left }) => `'${name}' is left out because ${left}`).join("; ")}.`,
    );
  }
  const mode = modeOf(request);
  const analysis: Analysis = {
    ...{ version: 1, problem, objective: objectiveOf(problem, request.objective), mode, profiles },
    inputs: given.names.filter((name) => name !== target),
    rows: { train: train.count, validation: validation.count },
    candidates: mode === "ENSEMBLING" ? ensemblePlans(request.algorithms, request.maxCandidates) : [],
    pipelines: mode === "HYPERPARAMETER_TUNING" ? pipelinePlans(request.algorithms) : [],
    notes,
  };
  return { analysis, train, validation };
}

function checkColumns({ names }: RawTable, { target, features }: AnalysisRequest): void {
  if (!names.includes(target)) {
    const meant = names.find((name) => name.toLowerCase() === target.trim().toLowerCase());
    const hint =
      meant === undefined
        ? `Its columns are: ${names.join(", ")}. CSV must have a header, and commas between the fields.`
        : `Did you mean '${meant}'?`;
    throw new CustomerError(`The target attribute '${target}' is no column of the training data. ${hint}`);
  }
  if (names.length < 2) throw new CustomerError("The training data has no column besides the target attribute.");
  const unknown = features?.names.find((name) => !names.includes(name));
  if (unknown !== undefined) {
    throw new CustomerError(`The feature specification names the column '${unknown}', which the data has not.`);
  }
}

/** The rows that have a target. */
function labelled(table: RawTable, target: string, which: string, notes: string[]): RawTable {
  const values = columnOf(table, target);
  const rows: number[] = [];
  for (let row = 0; row < table.count; row++) if (values[row] !== "") rows.push(row);
  const lost = table.count - rows.length;
  if (lost === 0) return table;
  notes.push(`${lost} row(s) of the ${which} data have no value of the target attribute and are left out.`);
  return pickRows(table, rows);
}

function divided(
  table: RawTable,
  held: RawTable | undefined,
  problem: Problem,
  { validationFraction: fraction, target }: AnalysisRequest,
  notes: string[],
): { train: RawTable; validation: RawTable } {
  if (held !== undefined) {
    const validation = labelled(held, target, "validation", notes);
    if (validation.count === 0) {
      throw new CustomerError(`The validation data has no row with a value of the target attribute '${target}'.`);
    }
    labelsOf(problem, columnOf(validation, target));
    return { train: table, validation };
  }
  const labels = problem.type === "Regression" ? undefined : labelsOf(problem, columnOf(table, target));
  const { train, validation } = splitRows(table.count, fraction, labels, seed);
  if (validation.length === 0 || train.length < 2) {
    throw new CustomerError(
      `A validation fraction of ${fraction} leaves ${train.length} row(s) for training and ${validation.length} for validation.`,
    );
  }
  return { train: pickRows(table, train), validation: pickRows(table, validation) };
}

function profilesOf(train: RawTable, { target, features }: AnalysisRequest): Analysis["profiles"] {
  return train.names.flatMap((name, index) => {
    if (name === target) return [];
    const profile = profileColumn(train, index, features?.kinds.get(name));
    const isWanted = features === undefined || features.names.includes(name);
    return [isWanted ? profile : { ...profile, left: "the feature specification does not name it" }];
  });
}

function objectiveOf({ type }: Problem, wanted: MetricName | undefined): MetricName {
  if (wanted === undefined) return defaultObjective(type);
  const allowed = objectivesOf(type);
  if (allowed.includes(wanted)) return wanted;
  throw new CustomerError(`The objective metric ${wanted} is not one of ${type}: ${allowed.join(", ")}.`);
}

function modeOf({ mode, sizeBytes }: AnalysisRequest): Analysis["mode"] {
  if (mode !== "AUTO") return mode;
  return sizeBytes < searchBytes ? "ENSEMBLING" : "HYPERPARAMETER_TUNING";
}

/** Reads a list of algorithms by their names; what is none of ours is left out. */
export function algorithmsOf(names: string): LearnerName[] {
  const wanted = names.split(",");
  return learnerNames.filter((name) => wanted.includes(name));
}

const kinds = new Set<string>(["numeric", "categorical", "text", "datetime"]);

/** Reads a feature specification. @throws CustomerError saying what is wrong with it. */
export function featuresOf(text: string): NonNullable<AnalysisRequest["features"]> {
  let read: { FeatureAttributeNames?: unknown; FeatureDataTypes?: unknown };
  try {
    read = JSON.parse(text) as typeof read;
  } catch (error) {
    throw new CustomerError(`The feature specification is no JSON: ${(error as Error).message}`, { cause: error });
  }
  const { FeatureAttributeNames: names, FeatureDataTypes: types = {} } = read ?? {};
  if (!Array.isArray(names) || names.length === 0 || !names.every((name) => typeof name === "string")) {
    throw new CustomerError("The feature specification must have FeatureAttributeNames, a list of column names.");
  }
  const entries = Object.entries(types as Record<string, unknown>);
  const odd = entries.find(([, kind]) => !kinds.has(String(kind)));
  if (odd) {
    throw new CustomerError(
      `The feature specification says that '${odd[0]}' is '${String(odd[1])}'; columns are ${[...kinds].join(", ")}.`,
    );
  }
  return { names, kinds: new Map(entries as [string, ColumnKind][]) };
}
