import { join } from "node:path";
import type { DataDirectory } from "../../../data-directory.ts";
import type { Channel, Mount, RunSpec } from "../../../engines/engine.ts";
import { hostGpus } from "../../../gpus/nvidia.ts";
import type { PreparedImage, WantedImage } from "../../../images/image.ts";
import { hasOwnCode } from "../../../images/own-code.ts";
import { fitToHost, thisHost } from "../../../instance-types/fit-to-host.ts";
import type { RunAccess } from "../../../run-access.ts";
import type { ServingContainer } from "../../../serving/fleet.ts";
import { modelsFolder } from "../../../serving/fronts/fronts.ts";
import { gpusOfInstance } from "../../../serving/instance-gpus.ts";
import { memoryRuns } from "../run-folders.ts";

/** Most that one instance may write to its log. */
const maxLogBytes = 256 * 1024 * 1024;

/** What an instance sees as its host name, where its container has no name. */
const hostname = "model";

/** What a model's servers are made from: its containers, on an instance of a type. See `Variant`. */
export interface ServerPlan {
  readonly instanceType: string;
  /** See `AcceleratedPlan`. */
  readonly acceleratorType?: string;
  readonly container: ServingContainer;
  readonly further?: readonly ServingContainer[];
  readonly execution?: "serial" | "direct";
}

/** One container of a plan. */
export type ContainerPlan = Pick<ServerPlan, "instanceType" | "container">;

/** Folder of one instance on the host. A key was refused where there is no place in memory. */
export function instanceFolder(directory: DataDirectory, { hasVolumeKey }: ServingContainer, runId: string): string {
  return join((hasVolumeKey && memoryRuns(directory)) || directory.runs, runId);
}

/** Log file of one instance on the host. */
export function instanceLog(directory: DataDirectory, runId: string): string {
  return join(directory.logs, logName(runId));
}

/** The instance's log file, relative to the data directory's `logs`. */
export function logName(runId: string): string {
  return `${runId}.log`;
}

/** The image that a model's servers run. */
export function wantedImage(
  { container }: Pick<ContainerPlan, "container">,
  account: string,
  region: string,
): WantedImage {
  const start = { verb: "serve", environment: container.environment } as const;
  const brings = hasOwnCode({ environment: container.environment });
  return { uri: container.image, hasOwnCode: brings, account, region, start };
}

/** Where a container that is not ours must listen, by SageMaker's contract. */
const containerPort = 8080;

/**
 * What one container among several is told. Each has a network of its own, so that all may listen on the port that a lone
 * one would, whether they heed the variable or not.
 */
const amongOthers = { SAGEMAKER_BIND_TO_PORT: String(containerPort), SAGEMAKER_SAFE_PORT_RANGE: "8081-8180" };

/**
 * Model servers of our own listen on a socket, and need a network only for the code that users bring; those of other
 * images listen on a port of their own network.
 */
function server(
  { root }: PreparedImage,
  { container }: ContainerPlan,
  runId: string,
): Pick<RunSpec, "network" | "serves"> {
  const internet = !container.needsIsolation;
  const network = { kind: "bridge", name: runId, hosts: [container.name ?? hostname], internet } as const;
  switch (root.kind) {
    case "files":
      return { network: { kind: "none" }, serves: { socket: true } };
    case "host-tools":
      return { network: internet ? network : { kind: "none" }, serves: { socket: true } };
    case "layers":
    case "image":
      return { network, serves: { port: containerPort } };
  }
}

/** What every instance is told, and code that its owner brought how to call the platform, unless it is cut off. */
function variables(
  { root, environment }: PreparedImage,
  { container }: ContainerPlan,
  runId: string,
  region: string,
  { access, isIsolated }: Pick<InstanceParts, "access" | "isIsolated">,
): Record<string, string> {
  const cutOff = root.kind === "files" || container.needsIsolation || container.executionRoleArn === undefined;
  const given = cutOff ? undefined : access?.environment(runId, region, isIsolated);
  return {
    ...{ AWS_REGION: region, SAGEMAKER_REGION: region },
    ...(container.name !== undefined && amongOthers),
    ...given?.addresses,
    ...environment,
    ...given?.credentials,
  };
}

/** Where models appear while the container runs. */
function modelsMount(directory: DataDirectory, { hasVolumeKey = false }: ServingContainer, runId: string): Mount {
  const root = modelsFolder(directory, runId, hasVolumeKey);
  return { target: "/opt/ml/models", root, path: "", readOnly: true };
}

/** What an instance runs from. */
interface InstanceParts {
  readonly image: PreparedImage;
  readonly channels: readonly Channel[];
  readonly access: Pick<RunAccess, "environment"> | undefined;
  /** Whether the engine isolates runs of the image. */
  readonly isIsolated: boolean;
}

/** What one instance runs. */
export function runSpec(
  directory: DataDirectory,
  plan: ContainerPlan,
  runId: string,
  region: string,
  { image, channels, access, isIsolated }: InstanceParts,
): RunSpec {
  const { cpus, cpuWeight, ...fit } = fitToHost(plan.instanceType, 1, { ...thisHost(), gpus: 0 });
  const memoryBytes = Math.min(fit.memoryBytes, plan.container.memoryLimitBytes ?? fit.memoryBytes);
  const gpus = gpusOfInstance(plan, runId);
  const folder = instanceFolder(directory, plan.container, runId);
  return {
    root: image.root,
    command: image.command,
    workingDirectory: image.workingDirectory,
    environment: {
      ...variables(image, plan, runId, region, { access, isIsolated }),
      // Without it images and CUDA take every device file that they see for theirs.
      ...(gpus.length > 0 && { CUDA_VISIBLE_DEVICES: gpus.join(","), NVIDIA_VISIBLE_DEVICES: gpus.join(",") }),
    },
    hostname: plan.container.name ?? hostname,
    mlDirectory: join(folder, "ml"),
    ...(plan.container.hasVolumeKey && { scratch: { directory: join(folder, "scratch"), must: true } }),
    channels,
    ...(plan.container.multiModel && { mounts: [modelsMount(directory, plan.container, runId)] }),
    resources: { cpus, cpuWeight, memoryBytes, ...(gpus.length > 0 && { gpus: hostGpus().forRun(gpus) }) },
    ...server(image, plan, runId),
    logFile: instanceLog(directory, runId),
    maxLogBytes,
  };
}
