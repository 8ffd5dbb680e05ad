import type { OperationContext } from "../../service.ts";
import type { Output } from "../operation.ts";
import { billOf } from "./billing.ts";
import { lastMetrics } from "./job-metrics.ts";
import { profileSettings } from "./monitoring/profile.ts";
import { modelUri } from "./output-keys.ts";
import {
  isFinal,
  type TrainingJob,
  type TrainingJobRecord,
  type TrainingJobSpec,
  type Transition,
} from "./training-job.ts";
import { warmPoolStatus } from "./warm-pool.ts";

/** The job as DescribeTrainingJob shows it: the request, completed with what the service fills in, and its state. */
export async function describe(
  record: TrainingJobRecord,
  { platform }: Pick<OperationContext, "platform">,
): Promise<Output<"DescribeTrainingJob">> {
  const { value: job } = record;
  const { spec } = job;
  const warmPool = warmPoolStatus(record, platform.clock.now());
  const metrics = isFinal(record) ? (job.metrics ?? []) : await lastMetrics(platform.metrics, record);
  return {
    ...spec,
    TrainingJobArn: job.arn,
    ...(job.tuning && { TuningJobArn: job.tuning.arn }),
    ModelArtifacts: { S3ModelArtifacts: modelUri(spec) },
    TrainingJobStatus: record.status as Output<"DescribeTrainingJob">["TrainingJobStatus"],
    SecondaryStatus: job.secondary,
    ...(job.failureReason !== undefined && { FailureReason: job.failureReason }),
    HyperParameters: spec.HyperParameters ?? {},
    AlgorithmSpecification: {
      ...shownAlgorithm(spec),
      TrainingInputMode: spec.AlgorithmSpecification?.TrainingInputMode ?? "File",
      EnableSageMakerMetricsTimeSeries: spec.AlgorithmSpecification?.EnableSageMakerMetricsTimeSeries ?? true,
    },
    InputDataConfig: (spec.InputDataConfig ?? []).map(withDefaults),
    // The SDK's Estimator.attach reads KmsKeyId without looking whether it is there.
    OutputDataConfig: { KmsKeyId: "", CompressionType: "GZIP", ...spec.OutputDataConfig },
    EnableNetworkIsolation: spec.EnableNetworkIsolation ?? false,
    EnableInterContainerTrafficEncryption: spec.EnableInterContainerTrafficEncryption ?? false,
    EnableManagedSpotTraining: spec.EnableManagedSpotTraining ?? false,
    ProfilingStatus: profileSettings(spec) ? "Enabled" : "Disabled",
    CreationTime: new Date(record.createdAt),
    LastModifiedTime: new Date(record.modifiedAt),
    SecondaryStatusTransitions: job.transitions.map(asTransition),
    FinalMetricDataList: metrics.map(({ name, value, at }) => ({
      MetricName: name,
      Value: value,
      Timestamp: new Date(at),
    })),
    ...(warmPool && { WarmPoolStatus: warmPool }),
    ...times(job),
  } as Output<"DescribeTrainingJob">;
}

/** A job that names an algorithm does not show the image that the algorithm stood for. */
function shownAlgorithm({ AlgorithmSpecification: algorithm }: TrainingJobSpec) {
  if (algorithm?.AlgorithmName === undefined) return algorithm;
  const { TrainingImage: _, ...shown } = algorithm;
  return shown;
}

/** When it ran, and what it is billed for. */
function times(job: TrainingJob) {
  const { startedAt, endedAt } = job;
  if (startedAt === undefined) return {};
  const bill = billOf(job);
  return {
    TrainingStartTime: new Date(startedAt),
    ...(endedAt !== undefined && { TrainingEndTime: new Date(endedAt) }),
    ...(bill && { TrainingTimeInSeconds: bill.trainingSeconds, BillableTimeInSeconds: bill.billableSeconds }),
  };
}

function withDefaults(channel: NonNullable<TrainingJobSpec["InputDataConfig"]>[number]) {
  const s3 = channel.DataSource.S3DataSource;
  return {
    CompressionType: "None" as const,
    RecordWrapperType: "None" as const,
    ...channel,
    DataSource: {
      ...channel.DataSource,
      ...(s3 && { S3DataSource: { S3DataDistributionType: "FullyReplicated" as const, ...s3 } }),
    },
  };
}

function asTransition({ status, startedAt, endedAt, message }: Transition) {
  return {
    Status: status,
    StartTime: new Date(startedAt),
    ...(endedAt !== undefined && { EndTime: new Date(endedAt) }),
    StatusMessage: message,
  };
}
