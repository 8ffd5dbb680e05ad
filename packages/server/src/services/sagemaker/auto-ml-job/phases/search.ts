import { invariant, ServiceError } from "../../../../errors.ts";
import { again } from "../../../../reconcile/reconcile.ts";
import { recordTuningJob } from "../../hyper-parameter-tuning-job/create.ts";
import { tuningJobs } from "../../hyper-parameter-tuning-job/resource.ts";
import { finalTuningStatuses, type TuningJob } from "../../hyper-parameter-tuning-job/tuning-job.ts";
import type { Input } from "../../operation.ts";
import { type AutoMLJobRecord, update, withPartialFailure } from "../auto-ml-job.ts";
import { objectiveType } from "../candidates.ts";
import { channel, childName, dataUri, placeOf, searchName, trainingRequest } from "../child-requests.ts";
import { analysisOf, write } from "../launch.ts";
import { chooseBest } from "./choose-best.ts";
import { end } from "./end.ts";
import { type PhaseStep, pollMs } from "./phase.ts";

/** Trials of a search without a limit, as many as the service makes. */
const defaultTrials = 100;
const maxParallel = 2;
/** Endings of the folders of models, by algorithm. */
const shortNames: Readonly<Record<string, string>> = { xgboost: "xgb", "linear-learner": "ll" };

/** Searches the hyperparameters of all algorithms by one tuning job, whose training jobs are the candidates. */
export const searchPhase: PhaseStep = async (place, record) => {
  const { store } = place.platform;
  const { search } = record.value;
  if (!search) {
    const request = searchRequest(record, place.scope);
    const name = request.HyperParameterTuningJobName;
    const arn = tuningJobs.arn(place.scope, name);
    const noted = update(record, { ...record.value, search: { name, arn } });
    try {
      await recordTuningJob(request, place, [noted]);
    } catch (error) {
      if (!(error instanceof ServiceError) || error.code === "ResourceLimitExceeded") throw error;
      return await end(place, record, "Failed", { reason: `The search could not be started: ${error.message}` });
    }
    return again(pollMs);
  }
  const tuning = await store.get<TuningJob>(tuningJobs.key(place.scope, search.name));
  if (tuning && !finalTuningStatuses.includes(tuning.status as never)) return again(pollMs);
  const why = tuning ? tuning.value.failureReason : `The tuning job ${search.name} was deleted.`;
  if (why === undefined) return await chooseBest(place, record);
  const told = withPartialFailure(record.value, why);
  // Its trials may be of use all the same.
  if (
    told.partialFailures.length === record.value.partialFailures.length ||
    record.value.partialFailures.includes(why)
  ) {
    return await chooseBest(place, record);
  }
  await write(place, record, told);
  return again(0);
};

type Definition = NonNullable<Input<"CreateHyperParameterTuningJob">["TrainingJobDefinitions"]>[number];

function searchRequest(record: AutoMLJobRecord, scope: Parameters<typeof trainingRequest>[1]["scope"]) {
  const { name, createdAt, value } = record;
  const { MaxCandidates, MaxAutoMLJobRuntimeInSeconds } = value.order.completion;
  return {
    HyperParameterTuningJobName: searchName(name, createdAt),
    HyperParameterTuningJobConfig: {
      Strategy: "Bayesian",
      ResourceLimits: {
        MaxNumberOfTrainingJobs: MaxCandidates ?? defaultTrials,
        MaxParallelTrainingJobs: Math.min(maxParallel, MaxCandidates ?? defaultTrials),
      },
      // The same data and the same limits give the same candidates, as far as trials end in the same order.
      RandomSeed: 1,
      ...(MaxAutoMLJobRuntimeInSeconds === undefined && {
        TuningJobCompletionCriteria: { BestObjectiveNotImproving: { MaxNumberOfTrainingJobsNotImproving: 25 } },
      }),
    },
    TrainingJobDefinitions: value.features.map(({ plan }) => definitionOf(record, plan, scope)),
    ...(value.tags.length > 0 && { Tags: [...value.tags] }),
  } satisfies Input<"CreateHyperParameterTuningJob">;
}

function definitionOf(
  record: AutoMLJobRecord,
  pipeline: string,
  scope: Parameters<typeof trainingRequest>[1]["scope"],
): Definition {
  const { name, createdAt, value } = record;
  const analysis = analysisOf(record);
  const plan = analysis.pipelines.find((each) => each.name === pipeline);
  invariant(plan !== undefined, "features are made of the pipelines of the analysis");
  const rows = `${placeOf(name, value)}/transformed-data/${pipeline}`;
  const {
    TrainingJobName: _name,
    Tags: _tags,
    HyperParameters: StaticHyperParameters,
    ...shared
  } = trainingRequest(name, {
    ...{ name: childName(name, createdAt, "db"), job: value, scope, channels: [] },
    hyperParameters: { stage: "model", learner: plan.learner, objective: analysis.objective },
    output: `tuning/${name}-${pipeline}-${shortNames[plan.learner] ?? plan.learner}`,
  });
  const ranges = (type: string) =>
    plan.ranges
      .filter((range) => range.type === type)
      .map(({ name: Name, min, max, scaling }) => ({
        ...{ Name, MinValue: String(min), MaxValue: String(max), ScalingType: scaling },
      }));
  return {
    ...shared,
    StaticHyperParameters,
    DefinitionName: pipeline,
    TuningObjective: { Type: objectiveType(record), MetricName: `validation:${analysis.objective}` },
    HyperParameterRanges: {
      IntegerParameterRanges: ranges("Integer"),
      ContinuousParameterRanges: ranges("Continuous"),
    },
    InputDataConfig: [
      channel("analysis", dataUri(name, value)),
      channel("train", `${rows}/train/`),
      channel("validation", `${rows}/validation/`),
    ],
  } as Definition;
}
