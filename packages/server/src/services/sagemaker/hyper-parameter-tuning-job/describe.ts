import type { OperationPlace } from "../../service.ts";
import type { Output } from "../operation.ts";
import { objectiveHyperParameter } from "../training-job/apply-algorithm.ts";
import { ownMetrics } from "./built-in.ts";
import { machinesOf } from "./child-request.ts";
import { isBetter } from "./counters.ts";
import { definitionsOf, objectiveType } from "./definitions.ts";
import { parentNames } from "./prior.ts";
import { summarizeTrial, type TrialSummary } from "./trial-summary.ts";
import {
  type TrialDefinition,
  type TuningJob,
  type TuningJobRecord,
  type TuningTrial,
  trialKey,
  tuningJobKind,
} from "./tuning-job.ts";

/** The tuning job as DescribeHyperParameterTuningJob shows it. */
export async function describeTuningJob(
  record: TuningJobRecord,
  place: Pick<OperationPlace, "platform">,
): Promise<Output<"DescribeHyperParameterTuningJob">> {
  const { value, createdAt } = record;
  const { spec, progress, endedAt, failureReason } = value;
  const best = await bestOf(record, place);
  const overall = await overallBest(record, best, place);
  const until = endedAt ?? place.platform.clock.now();
  return {
    ...spec,
    HyperParameterTuningJobConfig: { TrainingJobEarlyStoppingType: "Off", ...spec.HyperParameterTuningJobConfig },
    ...(spec.TrainingJobDefinition && { TrainingJobDefinition: shown(spec.TrainingJobDefinition, record, place) }),
    ...(spec.TrainingJobDefinitions && {
      TrainingJobDefinitions: spec.TrainingJobDefinitions.map((each) => shown(each, record, place)),
    }),
    HyperParameterTuningJobArn: value.arn,
    HyperParameterTuningJobStatus: record.status,
    CreationTime: new Date(createdAt),
    LastModifiedTime: new Date(record.modifiedAt),
    ...(endedAt !== undefined && { HyperParameterTuningEndTime: new Date(endedAt) }),
    TrainingJobStatusCounters: progress.statuses,
    ObjectiveStatusCounters: progress.objectives,
    ...(best && { BestTrainingJob: best }),
    ...(overall && { OverallBestTrainingJob: overall }),
    ...(failureReason !== undefined && { FailureReason: failureReason }),
    TuningJobCompletionDetails: {
      NumberOfTrainingJobsObjectiveNotImproving: progress.notImproving,
      ...(progress.convergedAt !== undefined && { ConvergenceDetectedTime: new Date(progress.convergedAt) }),
    },
    ConsumedResources: { RuntimeInSeconds: Math.max(0, Math.round((until - createdAt) / 1000)) },
  } as Output<"DescribeHyperParameterTuningJob">;
}

/**
 * The service adds the objective's name to what is static, and shows it there. The SDK's `HyperparameterTuner.attach` reads
 * ResourceConfig, though its own requests have the other member: the first machine is shown there; and MetricDefinitions,
 * which built-in algorithms have without being given any.
 */
function shown(
  definition: TrialDefinition,
  { value }: TuningJobRecord,
  place: Pick<OperationPlace, "platform">,
): TrialDefinition {
  const metrics = ownMetrics(definition, place);
  const own = definitionsOf(value.spec).find((each) => each.definition.DefinitionName === definition.DefinitionName);
  return {
    ...definition,
    ...(metrics.length > 0 && {
      AlgorithmSpecification: { ...definition.AlgorithmSpecification, MetricDefinitions: metrics },
    }),
    ResourceConfig: machinesOf(definition)[0],
    StaticHyperParameters: {
      ...definition.StaticHyperParameters,
      [objectiveHyperParameter]: own?.objective.MetricName as string,
    },
  };
}

async function bestOf(record: TuningJobRecord, { platform }: Pick<OperationPlace, "platform">) {
  const { best } = record.value.progress;
  if (!best) return undefined;
  const trial = await platform.store.get<TuningTrial>(trialKey(record, best.trial));
  return trial && summarizeTrial(record, trial);
}

/** The best of this tuning job and its parents, where their objectives mean the same. */
async function overallBest(
  record: TuningJobRecord,
  own: TrialSummary | undefined,
  place: Pick<OperationPlace, "platform">,
): Promise<TrialSummary | undefined> {
  if (record.value.spec.WarmStartConfig?.WarmStartType !== "IdenticalDataAndAlgorithm") return undefined;
  const { account, region } = record;
  let best = own;
  for (const name of parentNames(record.value)) {
    const parent = await place.platform.store.get<TuningJob>({ account, region, kind: tuningJobKind, name });
    const theirs = parent && (await bestOf(parent, place));
    const [value, than] = [theirs, best].map((each) => each?.FinalHyperParameterTuningJobObjectiveMetric?.Value);
    if (value === undefined) continue;
    if (than === undefined || isBetter(value, than, objectiveType(record.value.spec))) best = theirs;
  }
  return best;
}
