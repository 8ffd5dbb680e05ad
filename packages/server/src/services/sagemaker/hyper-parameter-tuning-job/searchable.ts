import type { Searchable } from "../search/searchable.ts";
import { describeTuningJob } from "./describe.ts";
import { type TuningJobRecord, tuningJobKind } from "./tuning-job.ts";

/** Tuning jobs, as Search finds them. */
export const searchableTuningJobs: Searchable = {
  resource: "HyperParameterTuningJob",
  kind: tuningJobKind,
  nameProperty: "HyperParameterTuningJobName",
  statusProperty: "HyperParameterTuningJobStatus",
  properties: [
    "BestTrainingJob",
    "ConsumedResources",
    "CreationTime",
    "FailureReason",
    "HyperParameterTuningEndTime",
    "HyperParameterTuningJobArn",
    "HyperParameterTuningJobConfig",
    "HyperParameterTuningJobName",
    "HyperParameterTuningJobStatus",
    "LastModifiedTime",
    "ObjectiveStatusCounters",
    "OverallBestTrainingJob",
    "Tags",
    "TrainingJobDefinition",
    "TrainingJobDefinitions",
    "TrainingJobStatusCounters",
    "TuningJobCompletionDetails",
    "WarmStartConfig",
  ],
  describe: (record: TuningJobRecord, context) => describeTuningJob(record, context),
  arn: (record: TuningJobRecord) => record.value.arn,
};
