import { CustomerError } from "../job/errors.ts";
import type { JobLog } from "../job/job-log.ts";
import { checkConstraints, interactionConstraints, monotoneConstraints } from "./constraints.ts";
import type { XGBoostHyperparameters } from "./hyperparameters.ts";
import { isMetric } from "./metrics.ts";
import { ownMetrics } from "./own-metrics.ts";
import { checkUpdaters } from "./updaters.ts";

/** What a job wants, checked as a whole. */
export interface Settings {
  readonly rounds: number;
  readonly objective: string;
  readonly classes: number | undefined;
  /** What the library is told, name by name. */
  readonly parameters: readonly (readonly [name: string, value: string])[];
  /** Metrics that are computed here, in order. */
  readonly ownMetrics: readonly string[];
  readonly earlyStopping: { readonly rounds: number; readonly metric: string } | undefined;
  readonly csvWeights: boolean;
  readonly savesEveryRound: boolean;
  readonly crossValidation: { readonly folds: number; readonly repeats: number } | undefined;
  readonly threads: number;
  readonly seed: number;
}

/** Settings that are ours, or that this host has no use for. */
const notForTheLibrary = new Set([
  ...["num_round", "csv_weights", "early_stopping_rounds", "eval_metric", "save_model_on_termination"],
  ...["use_dask_gpu_training", "predictor", "nthread", "dsplit", "prob_buffer_row", "deterministic_histogram"],
  ...["monotone_constraints", "interaction_constraints", "tree_method", "objective"],
  ...["_tuning_objective_metric", "_kfold", "_num_cv_round"],
]);

/**
 * Joins the hyperparameters of a job to what the library is told.
 * @throws CustomerError naming hyperparameters that contradict each other.
 */
export function settingsOf(given: XGBoostHyperparameters, cpus: number, log: JobLog): Settings {
  const { objective = "reg:squarederror", num_class: classes } = given;
  const metrics = metricsOf(given);
  checkTogether(given, metrics);
  const parameters: [string, string][] = Object.entries(given)
    .filter(([name, value]) => value !== undefined && !notForTheLibrary.has(name))
    .map(([name, value]) => [name, String(value)]);
  // The old name of the same objective.
  parameters.push(["objective", objective === "reg:linear" ? "reg:squarederror" : objective]);
  const method = treeMethod(given, log);
  if (method !== undefined) parameters.push(["tree_method", method]);
  const threads = Math.min(given.nthread ?? cpus, cpus);
  parameters.push(["nthread", String(threads)]);
  if (given.monotone_constraints !== undefined)
    parameters.push(["monotone_constraints", monotoneConstraints(given.monotone_constraints)]);
  if (given.interaction_constraints !== undefined)
    parameters.push(["interaction_constraints", interactionConstraints(given.interaction_constraints)]);
  const own = metrics.filter((metric) => ownMetrics.has(metric));
  const native = metrics.filter((metric) => !ownMetrics.has(metric));
  for (const metric of native) parameters.push(["eval_metric", metric]);
  if (own.length > 0 && native.length === 0) parameters.push(["disable_default_eval_metric", "1"]);
  return {
    rounds: given.num_round,
    objective,
    classes,
    parameters,
    ownMetrics: own,
    earlyStopping: earlyStoppingOf(given, log),
    csvWeights: given.csv_weights === "1",
    savesEveryRound: given.save_model_on_termination === "true",
    crossValidation:
      given._kfold === undefined ? undefined : { folds: given._kfold, repeats: given._num_cv_round ?? 1 },
    threads,
    seed: given.seed ?? 0,
  };
}

/** Metrics as given; a tuning job's joins them, and they are sorted then. */
function metricsOf({ eval_metric: text, _tuning_objective_metric: tuned }: XGBoostHyperparameters): string[] {
  const given =
    text === undefined
      ? []
      : text
          .replace(/^\[|\]$/g, "")
          .split(",")
          .map((each) => each.trim().replace(/^["']|["']$/g, ""));
  for (const metric of given) {
    if (!isMetric(metric))
      throw new CustomerError(`Hyperparameter eval_metric: '${metric}' is no metric that XGBoost has here`);
  }
  const unique = [...new Set(given)];
  return tuned === undefined ? unique : [...new Set([...unique, tuned.replace("validation:", "")])].sort();
}

function checkTogether(given: XGBoostHyperparameters, metrics: readonly string[]): void {
  const { objective, num_class, eval_metric } = given;
  if (objective?.startsWith("multi:") && num_class === undefined) {
    throw new CustomerError("Require input for parameter 'num_class' for multi-classification");
  }
  if (num_class !== undefined && !objective?.startsWith("multi:")) {
    throw new CustomerError(
      `Hyperparameter num_class is for the objectives multi:softmax and multi:softprob, and objective is ${objective ?? "not given"}`,
    );
  }
  if (eval_metric !== undefined && objective === undefined) {
    throw new CustomerError("Hyperparameter eval_metric needs the hyperparameter objective");
  }
  if (metrics.includes("auc") && !/^(binary|rank):/.test(objective ?? "")) {
    throw new CustomerError(
      `Metric 'auc' can only be applied for classification and ranking problems: objective is ${objective}`,
    );
  }
  if (metrics.includes("aft-nloglik") && objective !== "survival:aft") {
    throw new CustomerError(`Metric 'aft-nloglik' needs the objective survival:aft: objective is ${objective}`);
  }
  if (given._num_cv_round !== undefined && given._kfold === undefined) {
    throw new CustomerError("Hyperparameter _num_cv_round needs _kfold");
  }
  if (given.dsplit === "col")
    throw new CustomerError("Hyperparameter dsplit: col is not done here; rows are divided between hosts");
  checkUpdaters(given);
  checkConstraints(given);
}

function treeMethod(
  { tree_method: method, use_dask_gpu_training, predictor }: XGBoostHyperparameters,
  log: JobLog,
): string | undefined {
  if (use_dask_gpu_training === "true")
    log.warning("use_dask_gpu_training is set: there is no GPU here, and training runs on the CPU.");
  if (predictor === "gpu_predictor") log.warning("predictor is gpu_predictor: predictions are made on the CPU here.");
  if (method !== "gpu_hist") return method;
  log.warning("tree_method is gpu_hist: it runs as hist on the CPU here, which finds the same splits.");
  return "hist";
}

function earlyStoppingOf(given: XGBoostHyperparameters, log: JobLog): Settings["earlyStopping"] {
  const { early_stopping_rounds: rounds, _tuning_objective_metric: tuned } = given;
  if (rounds === undefined) return undefined;
  const metric = tuned?.replace("validation:", "") ?? given.eval_metric?.split(",").at(-1)?.trim();
  if (metric !== undefined) return { rounds, metric };
  log.warning("early_stopping_rounds has no effect without eval_metric.");
  return undefined;
}
