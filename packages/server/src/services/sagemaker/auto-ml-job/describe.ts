import type { AutoMLJobStatus, ProblemType, TabularJobConfig } from "@aws-sdk/client-sagemaker";
import type { OperationPlace } from "../../service.ts";
import type { Output } from "../operation.ts";
import type { AutoMLJobRecord } from "./auto-ml-job.ts";
import { bestOf, candidatesOf, describeCandidate } from "./candidates.ts";
import { placeOf } from "./child-requests.ts";

/** What both descriptions share. */
async function shared(record: AutoMLJobRecord, place: OperationPlace) {
  const { name, status, value, createdAt, modifiedAt } = record;
  const { arn, order, secondary, endedAt, failureReason, partialFailures, endpoint } = value;
  const candidates = await candidatesOf(record, place);
  const best = candidates.find((each) => each.name === value.best) ?? bestOf(candidates, record);
  return {
    ...{ AutoMLJobName: name, AutoMLJobArn: arn, RoleArn: order.role },
    ...{ OutputDataConfig: order.request.input.OutputDataConfig },
    ...{ AutoMLJobStatus: status as AutoMLJobStatus, AutoMLJobSecondaryStatus: secondary },
    ...{ CreationTime: new Date(createdAt), LastModifiedTime: new Date(modifiedAt) },
    ...(endedAt !== undefined && { EndTime: new Date(endedAt) }),
    ...(failureReason !== undefined && { FailureReason: failureReason }),
    ...(partialFailures.length > 0 && {
      PartialFailureReasons: partialFailures.map((PartialFailureMessage) => ({ PartialFailureMessage })),
    }),
    ...(best && { BestCandidate: describeCandidate(best, record, place) }),
    ...artifacts(record),
    ...(order.deploy && { ModelDeployConfig: order.deploy }),
    ...(endpoint !== undefined && { ModelDeployResult: { EndpointName: endpoint } }),
  };
}

function artifacts(record: AutoMLJobRecord) {
  const { analysis, analysisJob } = record.value;
  if (!analysis || !analysisJob) return {};
  const place = `${placeOf(record.name, record.value)}/sagemaker-automl-candidates/${analysisJob.name}/notebooks`;
  return {
    AutoMLJobArtifacts: {
      DataExplorationNotebookLocation: `${place}/SageMakerAutopilotDataExplorationNotebook.ipynb`,
      ...(analysis.mode === "HYPERPARAMETER_TUNING" && {
        CandidateDefinitionNotebookLocation: `${place}/SageMakerAutopilotCandidateDefinitionNotebook.ipynb`,
      }),
    },
  };
}

/** What was found out about what was not said. */
function resolved({ value }: AutoMLJobRecord) {
  const { analysis, order } = value;
  if (!analysis) return undefined;
  const MetricName = analysis.objective as NonNullable<Output<"DescribeAutoMLJob">["AutoMLJobObjective"]>["MetricName"];
  return {
    problemType: analysis.problem.type as ProblemType,
    objective: { AutoMLJobObjective: { MetricName } },
    completion: { CompletionCriteria: order.completion },
  };
}

/** DescribeAutoMLJob. A job of the second version is told in the words of the first. */
export async function describeV1(record: AutoMLJobRecord, place: OperationPlace): Promise<Output<"DescribeAutoMLJob">> {
  const { order } = record.value;
  const found = resolved(record);
  const common = {
    ...(await shared(record, place)),
    ...(found && {
      ResolvedAttributes: { ...found.objective, ...found.completion, ProblemType: found.problemType },
    }),
  };
  if (order.request.version === 1) {
    const { input } = order.request;
    return {
      ...common,
      InputDataConfig: input.InputDataConfig,
      ...(input.AutoMLJobObjective && { AutoMLJobObjective: input.AutoMLJobObjective }),
      ...(input.ProblemType && { ProblemType: input.ProblemType }),
      AutoMLJobConfig: { ...input.AutoMLJobConfig, Mode: order.mode },
      GenerateCandidateDefinitionsOnly: order.definitionsOnly,
    };
  }
  const { input } = order.request;
  return {
    ...common,
    InputDataConfig: input.AutoMLJobInputDataConfig.map((each) => ({ ...each, TargetAttributeName: order.target })),
    ...(input.AutoMLJobObjective && { AutoMLJobObjective: input.AutoMLJobObjective }),
    ...(order.problemType && { ProblemType: order.problemType }),
    AutoMLJobConfig: {
      ...{ CompletionCriteria: order.completion, SecurityConfig: order.security, Mode: order.mode },
      ...(input.DataSplitConfig && { DataSplitConfig: input.DataSplitConfig }),
      ...(input.AutoMLProblemTypeConfig.TabularJobConfig?.CandidateGenerationConfig && {
        CandidateGenerationConfig: input.AutoMLProblemTypeConfig.TabularJobConfig.CandidateGenerationConfig,
      }),
    },
    GenerateCandidateDefinitionsOnly: order.definitionsOnly,
  };
}

/** DescribeAutoMLJobV2. A job of the first version is told in the words of the second. */
export async function describeV2(
  record: AutoMLJobRecord,
  place: OperationPlace,
): Promise<Output<"DescribeAutoMLJobV2">> {
  const { order } = record.value;
  const found = resolved(record);
  const common = {
    ...(await shared(record, place)),
    AutoMLProblemTypeConfigName: "Tabular" as const,
    SecurityConfig: order.security,
    ...(order.validationFraction !== undefined && {
      DataSplitConfig: { ValidationFraction: order.validationFraction },
    }),
    ...(found && {
      ResolvedAttributes: {
        ...found.objective,
        ...found.completion,
        AutoMLProblemTypeResolvedAttributes: { TabularResolvedAttributes: { ProblemType: found.problemType } },
      },
    }),
  };
  const { input } = order.request;
  const objective = input.AutoMLJobObjective && { AutoMLJobObjective: input.AutoMLJobObjective };
  if (order.request.version === 2) {
    const { AutoMLJobInputDataConfig, AutoMLProblemTypeConfig: config } = order.request.input;
    const { TabularJobConfig } = config as { TabularJobConfig: TabularJobConfig };
    return { ...common, ...objective, AutoMLJobInputDataConfig, AutoMLProblemTypeConfig: { TabularJobConfig } };
  }
  return {
    ...common,
    ...objective,
    AutoMLJobInputDataConfig: order.request.input.InputDataConfig.map(
      ({ TargetAttributeName: _target, SampleWeightAttributeName: _weight, ...channel }) => channel,
    ),
    AutoMLProblemTypeConfig: {
      TabularJobConfig: {
        ...{ TargetAttributeName: order.target, Mode: order.mode, CompletionCriteria: order.completion },
        ...(order.problemType && { ProblemType: order.problemType }),
        GenerateCandidateDefinitionsOnly: order.definitionsOnly,
      },
    },
  };
}
