import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { TrainingJobSpec } from "./training-job.ts";

/** Group of the nodes of a job that names none. */
const defaultGroup = "homogeneousCluster";

/** The files of /opt/ml/input/config, by name. Shapes as current jobs on the service see them. */
function configFiles(spec: TrainingJobSpec): Readonly<Record<string, unknown>> {
  return {
    "hyperparameters.json": spec.HyperParameters ?? {},
    "inputdataconfig.json": inputDataConfig(spec),
    "resourceconfig.json": resourceConfig(spec),
    ...(spec.CheckpointConfig && {
      "checkpointconfig.json": {
        S3Uri: spec.CheckpointConfig.S3Uri,
        LocalPath: checkpointPath(spec) as string,
      },
    }),
  };
}

/** Writes them below the host's folder for /opt/ml. */
export async function writeConfigFiles(mlDirectory: string, spec: TrainingJobSpec): Promise<void> {
  const folder = join(mlDirectory, "input/config");
  await mkdir(folder, { recursive: true });
  for (const [name, content] of Object.entries(configFiles(spec))) {
    await writeFile(join(folder, name), JSON.stringify(content));
  }
}

/** Where checkpoints live inside, without a slash at the end; `undefined` for jobs without CheckpointConfig. */
export function checkpointPath(spec: TrainingJobSpec): string | undefined {
  return spec.CheckpointConfig && (spec.CheckpointConfig.LocalPath ?? "/opt/ml/checkpoints").replace(/\/+$/, "");
}

/** No S3 address is shown to the container. */
function inputDataConfig(spec: TrainingJobSpec) {
  return Object.fromEntries(
    (spec.InputDataConfig ?? []).map((channel) => [
      channel.ChannelName,
      {
        TrainingInputMode: channel.InputMode ?? spec.AlgorithmSpecification?.TrainingInputMode ?? "File",
        S3DistributionType: channel.DataSource.S3DataSource?.S3DataDistributionType ?? "FullyReplicated",
        RecordWrapperType: channel.RecordWrapperType ?? "None",
        ...(channel.ContentType !== undefined && { ContentType: channel.ContentType }),
      },
    ]),
  );
}

function resourceConfig(spec: TrainingJobSpec) {
  const group = spec.ResourceConfig?.InstanceGroups?.[0];
  const type = group?.InstanceType ?? spec.ResourceConfig?.InstanceType;
  const groupName = group?.InstanceGroupName ?? defaultGroup;
  const hosts = ["algo-1"];
  return {
    current_host: "algo-1",
    current_instance_type: type,
    current_group_name: groupName,
    hosts,
    instance_groups: [{ instance_group_name: groupName, instance_type: type, hosts }],
    network_interface_name: "eth0",
    topology: null,
  };
}

/**
 * The run's environment: that of its image, which has the caller's variables, and the platform's, which win.
 * @param image - Variables of the prepared image.
 */
export function environment(
  spec: TrainingJobSpec,
  arn: string,
  region: string,
  image: Readonly<Record<string, string>>,
): Record<string, string> {
  return {
    PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    ...image,
    TRAINING_JOB_NAME: spec.TrainingJobName,
    TRAINING_JOB_ARN: arn,
    AWS_REGION: region,
    AWS_EXECUTION_ENV: "AWS_ECS_EC2",
    DMLC_INTERFACE: "eth0",
    NVIDIA_VISIBLE_DEVICES: "void",
    SAGEMAKER_METRICS_DIRECTORY: "/opt/ml/output/metrics/sagemaker",
    SAGEMAKER_MANAGED_WARMPOOL_CACHE_DIRECTORY: "/opt/ml/sagemaker/warmpoolcache",
  };
}
