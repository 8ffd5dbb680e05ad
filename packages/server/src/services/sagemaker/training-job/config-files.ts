import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { debugConfigFiles } from "./debug-outputs.ts";
import { type Host, hostGroups, hostShare, hostsOf } from "./hosts.ts";
import type { TrainingJob, TrainingJobSpec } from "./training-job.ts";

type JobHosts = Pick<TrainingJob, "spec" | "hosts">;

/** The files of /opt/ml/input/config on one host, by name. Shapes as current jobs on the service see them. */
function configFiles(job: JobHosts, host: Host): Readonly<Record<string, unknown>> {
  const { spec } = job;
  return {
    "hyperparameters.json": spec.HyperParameters ?? {},
    "inputdataconfig.json": inputDataConfig(job, host),
    "resourceconfig.json": resourceConfig(job, host),
    ...debugConfigFiles(spec),
    ...(spec.CheckpointConfig && {
      "checkpointconfig.json": {
        S3Uri: spec.CheckpointConfig.S3Uri,
        LocalPath: checkpointPath(spec) as string,
      },
    }),
  };
}

/** Writes them below a host's folder for /opt/ml. */
export async function writeConfigFiles(mlDirectory: string, job: JobHosts, host: Host): Promise<void> {
  const folder = join(mlDirectory, "input/config");
  await mkdir(folder, { recursive: true });
  const files = Object.entries(configFiles(job, host));
  await Promise.all(files.map(([name, content]) => writeFile(join(folder, name), JSON.stringify(content))));
}

/** Where checkpoints live inside, without a slash at the end; `undefined` for jobs without CheckpointConfig. */
export function checkpointPath(spec: TrainingJobSpec): string | undefined {
  return spec.CheckpointConfig && (spec.CheckpointConfig.LocalPath ?? "/opt/ml/checkpoints").replace(/\/+$/, "");
}

/** The channels that the host gets. No S3 address is shown to the container. */
function inputDataConfig(job: JobHosts, host: Host) {
  const { spec } = job;
  const channels = (spec.InputDataConfig ?? []).filter((channel) => hostShare(job, host, channel));
  return Object.fromEntries(
    channels.map((channel) => [
      channel.ChannelName,
      {
        TrainingInputMode: channel.InputMode ?? spec.AlgorithmSpecification?.TrainingInputMode ?? "File",
        // A file system is not shared out, and algorithms that want that of S3 are told nothing of it.
        ...(channel.DataSource.S3DataSource !== undefined && {
          S3DistributionType: channel.DataSource.S3DataSource.S3DataDistributionType ?? "FullyReplicated",
        }),
        RecordWrapperType: channel.RecordWrapperType ?? "None",
        ...(channel.ContentType !== undefined && { ContentType: channel.ContentType }),
      },
    ]),
  );
}

function resourceConfig(job: JobHosts, host: Host) {
  const names = (hosts: readonly Host[]) => hosts.map(({ name }) => name).toSorted(); // `algo-10` before `algo-2`
  return {
    current_host: host.name,
    current_instance_type: host.instanceType,
    current_group_name: host.group,
    hosts: names(hostsOf(job)),
    instance_groups: hostGroups(job).map(({ name, instanceType, hosts }) => ({
      instance_group_name: name,
      instance_type: instanceType,
      hosts: names(hosts),
    })),
    network_interface_name: "eth0",
    topology: null,
  };
}

/**
 * The run's environment: that of its image, which has the caller's variables, and the platform's, which win.
 * @param image - Variables of the prepared image.
 * @param gpus - Names of the run's GPUs, which hold whichever device files it sees. A caller's choice among them
 *   wins. Undefined where the machine has none.
 */
export function environment(
  spec: TrainingJobSpec,
  arn: string,
  region: string,
  image: Readonly<Record<string, string>>,
  gpus: readonly string[] | undefined,
): Record<string, string> {
  return {
    PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    ...(gpus && { CUDA_VISIBLE_DEVICES: gpus.join(",") }),
    ...image,
    TRAINING_JOB_NAME: spec.TrainingJobName,
    TRAINING_JOB_ARN: arn,
    AWS_REGION: region,
    AWS_EXECUTION_ENV: "AWS_ECS_EC2",
    DMLC_INTERFACE: "eth0",
    // For container engines that give every container what its image names.
    NVIDIA_VISIBLE_DEVICES: gpus && gpus.length > 0 ? gpus.join(",") : "void",
    SAGEMAKER_METRICS_DIRECTORY: "/opt/ml/output/metrics/sagemaker",
    SAGEMAKER_MANAGED_WARMPOOL_CACHE_DIRECTORY: "/opt/ml/sagemaker/warmpoolcache",
  };
}
