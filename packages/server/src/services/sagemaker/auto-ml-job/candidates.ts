import type { AutoMLCandidate, MetricDatum } from "@aws-sdk/client-sagemaker";
import { autopilotContract } from "@sagebrush/algorithms/definitions";
import type { OperationPlace } from "../../service.ts";
import { isBetter } from "../hyper-parameter-tuning-job/counters.ts";
import { allTrials } from "../hyper-parameter-tuning-job/read-trials.ts";
import { modelUri } from "../training-job/output-keys.ts";
import { isFinal, type TrainingJobRecord } from "../training-job/training-job.ts";
import type { AutoMLJobRecord, ChildJob } from "./auto-ml-job.ts";
import { placeOf } from "./child-requests.ts";
import { inferenceContainers } from "./inference-containers.ts";
import { jobOf } from "./launch.ts";

type Metric = NonNullable<MetricDatum["MetricName"]>;

/** A candidate as it is now. */
export interface Candidate {
  /** Also the name of the training job that makes it. */
  readonly name: string;
  /** The ensemble or the pipeline of the analysis that it is of. */
  readonly plan: string;
  /** Of its training job; absent when that was deleted. */
  readonly job?: TrainingJobRecord;
  readonly status: "Completed" | "InProgress" | "Failed" | "Stopped" | "Stopping";
  readonly objective?: number;
}

/** All candidates of a job, in the order in which they were started. */
export async function candidatesOf(record: AutoMLJobRecord, place: OperationPlace): Promise<Candidate[]> {
  const { analysis, ensembles, search } = record.value;
  if (!analysis) return [];
  const children = search ? await trialsOf(record, search.name, place) : ensembles;
  return await Promise.all(
    children.map(async ({ name, plan }): Promise<Candidate> => {
      const job = await jobOf(place, { name });
      if (!job) return { name, plan, status: "Failed" };
      const objective = metricOf(job, `validation:${analysis.objective}`);
      return {
        name,
        plan,
        job,
        status: job.status as Candidate["status"],
        ...(objective !== undefined && { objective }),
      };
    }),
  );
}

async function trialsOf(
  { account, region, value }: AutoMLJobRecord,
  name: string,
  { platform }: OperationPlace,
): Promise<ChildJob[]> {
  const trials = await allTrials(platform.store, { account, region, name });
  return trials.map(({ value: { job, jobArn, definition } }) => {
    return { name: job, arn: jobArn, plan: value.features[definition]?.plan ?? "" };
  });
}

function metricOf({ value }: TrainingJobRecord, name: string): number | undefined {
  return value.metrics?.find((metric) => metric.name === name)?.value;
}

/** Whether a candidate has been measured and left a model: one that failed after it was measured has none. */
function isUsable({ objective, status, job }: Candidate): boolean {
  return objective !== undefined && status !== "Failed" && (!job || isFinal(job));
}

/** The candidate with the best objective of those that have a model; the fastest of equals. */
export function bestOf(candidates: readonly Candidate[], record: AutoMLJobRecord): Candidate | undefined {
  const type = objectiveType(record);
  const usable = candidates.filter(isUsable);
  const latency = ({ job }: Candidate) => (job && metricOf(job, "validation:InferenceLatency")) ?? Infinity;
  return usable.reduce<Candidate | undefined>((best, each) => {
    if (best === undefined) return each;
    if (isBetter(each.objective as number, best.objective as number, type)) return each;
    return each.objective === best.objective && latency(each) < latency(best) ? each : best;
  }, undefined);
}

/** Whether the objective is to be large or small. */
export function objectiveType({ value }: AutoMLJobRecord): "Maximize" | "Minimize" {
  return autopilotContract.isMinimised(value.analysis?.objective ?? "") ? "Minimize" : "Maximize";
}

/** A candidate in the form of the API. */
export function describeCandidate(
  candidate: Candidate,
  record: AutoMLJobRecord,
  place: OperationPlace,
): AutoMLCandidate {
  const { name, job, status, objective } = candidate;
  const { analysis, best, hasReports } = record.value;
  const isOver = !job || isFinal(job);
  const hasModel = job !== undefined && isUsable(candidate);
  const reports = best === name && hasReports ? reportPlaces(record, name) : undefined;
  return {
    CandidateName: name,
    ...(objective !== undefined &&
      analysis && {
        FinalAutoMLJobObjectiveMetric: {
          ...{ Type: objectiveType(record), MetricName: analysis.objective as Metric, Value: objective },
          StandardMetricName: analysis.objective as Metric,
        },
      }),
    ObjectiveStatus: objective === undefined ? (isOver ? "Failed" : "Pending") : "Succeeded",
    CandidateSteps: stepsOf(candidate, record),
    CandidateStatus: status,
    ...(hasModel && { InferenceContainers: inferenceContainers(candidate, record, modelUri(job.value.spec), place) }),
    CreationTime: new Date(job?.createdAt ?? record.createdAt),
    ...(job?.value.endedAt !== undefined && { EndTime: new Date(job.value.endedAt) }),
    LastModifiedTime: new Date(job?.modifiedAt ?? record.modifiedAt),
    ...(job?.value.failureReason !== undefined && { FailureReason: job.value.failureReason }),
    ...(!job && { FailureReason: `The training job ${name} was deleted.` }),
    ...((hasModel || reports) && {
      CandidateProperties: {
        ...(reports && { CandidateArtifactLocations: reports }),
        ...(job && { CandidateMetrics: metricsOf(job) }),
      },
    }),
  };
}

function stepsOf({ name, plan, job }: Candidate, { value }: AutoMLJobRecord): AutoMLCandidate["CandidateSteps"] {
  const features = value.features.find((each) => each.plan === plan);
  const steps = [value.analysisJob, features, job && { name, arn: job.value.arn }];
  return steps.flatMap((step) =>
    step
      ? [
          {
            CandidateStepType: "AWS::SageMaker::TrainingJob" as const,
            CandidateStepArn: step.arn,
            CandidateStepName: step.name,
          },
        ]
      : [],
  );
}

/** Where the reports of the best candidate lie. */
function reportPlaces(record: AutoMLJobRecord, candidate: string) {
  const place = `${placeOf(record.name, record.value)}/documentation`;
  return {
    Explainability: `${place}/explainability/output/${candidate}`,
    ModelInsights: `${place}/model_monitor/output/${candidate}`,
  };
}

function metricsOf(job: TrainingJobRecord): MetricDatum[] {
  return (job.value.metrics ?? []).flatMap(({ name, value }): MetricDatum[] => {
    const [split, metric] = name.split(":");
    if (metric === undefined || (split !== "train" && split !== "validation")) return [];
    return [
      {
        // The older name has no LogLoss and no InferenceLatency.
        ...(metric !== "LogLoss" && metric !== "InferenceLatency" && { MetricName: metric as Metric }),
        StandardMetricName: metric as NonNullable<MetricDatum["StandardMetricName"]>,
        Value: value,
        Set: split === "train" ? "Train" : "Validation",
      },
    ];
  });
}
