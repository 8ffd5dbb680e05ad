import type { Input } from "../operation.ts";

/** The two requests, without their tags. */
export type RequestV1 = Omit<Input<"CreateAutoMLJob">, "Tags">;
export type RequestV2 = Omit<Input<"CreateAutoMLJobV2">, "Tags">;

type TabularConfig = NonNullable<RequestV2["AutoMLProblemTypeConfig"]["TabularJobConfig"]>;

/** A channel of either version. */
export interface OrderChannel {
  readonly type: "training" | "validation";
  readonly dataType: "S3Prefix" | "ManifestFile" | "AugmentedManifestFile";
  readonly uri: string;
  readonly contentType: string;
  readonly compression: "None" | "Gzip";
}

/** What is wanted, whichever version it was asked for in. */
export interface Order {
  /** The request as it came: descriptions give it back. */
  readonly request:
    | { readonly version: 1; readonly input: RequestV1 }
    | { readonly version: 2; readonly input: RequestV2 };
  readonly channels: readonly OrderChannel[];
  readonly target: string;
  readonly sampleWeight: string | undefined;
  readonly problemType: RequestV1["ProblemType"];
  readonly objective: string | undefined;
  readonly mode: "AUTO" | "ENSEMBLING" | "HYPERPARAMETER_TUNING";
  /** As they were given; undefined for all. */
  readonly algorithms: readonly string[] | undefined;
  readonly featureSpecification: string | undefined;
  readonly completion: NonNullable<NonNullable<RequestV1["AutoMLJobConfig"]>["CompletionCriteria"]>;
  readonly security: NonNullable<NonNullable<RequestV1["AutoMLJobConfig"]>["SecurityConfig"]>;
  readonly validationFraction: number | undefined;
  readonly definitionsOnly: boolean;
  readonly deploy: RequestV1["ModelDeployConfig"];
  readonly role: string;
  /** Without a slash at its end. */
  readonly outputUri: string;
  readonly outputKey: string | undefined;
}

const defaultContentType = "text/csv;header=present";

type Channel = RequestV1["InputDataConfig"][number] | RequestV2["AutoMLJobInputDataConfig"][number];

function channelOf({ ChannelType, ContentType, CompressionType, DataSource }: Channel): OrderChannel {
  const { S3DataType, S3Uri } = DataSource?.S3DataSource ?? {};
  return {
    type: ChannelType ?? "training",
    dataType: S3DataType ?? "S3Prefix",
    uri: S3Uri ?? "",
    contentType: ContentType ?? defaultContentType,
    compression: CompressionType ?? "None",
  };
}

/** Reads a request of the first version. */
export function orderOfV1(input: RequestV1): Order {
  const config = input.AutoMLJobConfig ?? {};
  const generation = config.CandidateGenerationConfig;
  return {
    request: { version: 1, input },
    channels: input.InputDataConfig.map(channelOf),
    target: input.InputDataConfig[0]?.TargetAttributeName ?? "",
    sampleWeight: input.InputDataConfig.find((each) => each.SampleWeightAttributeName)?.SampleWeightAttributeName,
    problemType: input.ProblemType,
    objective: input.AutoMLJobObjective?.MetricName,
    mode: config.Mode ?? "AUTO",
    algorithms: algorithmsOf(generation?.AlgorithmsConfig),
    featureSpecification: generation?.FeatureSpecificationS3Uri,
    completion: config.CompletionCriteria ?? {},
    security: config.SecurityConfig ?? {},
    validationFraction: config.DataSplitConfig?.ValidationFraction,
    definitionsOnly: input.GenerateCandidateDefinitionsOnly ?? false,
    deploy: input.ModelDeployConfig,
    role: input.RoleArn,
    ...outputOf(input.OutputDataConfig),
  };
}

/** Reads a request of the second version about a table. */
export function orderOfV2(input: RequestV2, tabular: TabularConfig): Order {
  return {
    request: { version: 2, input },
    channels: input.AutoMLJobInputDataConfig.map(channelOf),
    target: tabular.TargetAttributeName,
    sampleWeight: tabular.SampleWeightAttributeName,
    problemType: tabular.ProblemType,
    objective: input.AutoMLJobObjective?.MetricName,
    mode: tabular.Mode ?? "AUTO",
    algorithms: algorithmsOf(tabular.CandidateGenerationConfig?.AlgorithmsConfig),
    featureSpecification: tabular.FeatureSpecificationS3Uri,
    completion: tabular.CompletionCriteria ?? {},
    security: input.SecurityConfig ?? {},
    validationFraction: input.DataSplitConfig?.ValidationFraction,
    definitionsOnly: tabular.GenerateCandidateDefinitionsOnly ?? false,
    deploy: input.ModelDeployConfig,
    role: input.RoleArn,
    ...outputOf(input.OutputDataConfig),
  };
}

type AlgorithmsConfig = NonNullable<TabularConfig["CandidateGenerationConfig"]>["AlgorithmsConfig"];

/** An empty list means all. */
function algorithmsOf(config: AlgorithmsConfig): readonly string[] | undefined {
  const names = config?.flatMap(({ AutoMLAlgorithms }) => AutoMLAlgorithms ?? []);
  return names?.length ? names : undefined;
}

function outputOf({ S3OutputPath, KmsKeyId }: RequestV1["OutputDataConfig"]) {
  return { outputUri: S3OutputPath.replace(/\/+$/, ""), outputKey: KmsKeyId };
}
