import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { type Engine, isIsolated, type RunSpec, showsHostPaths } from "../../../engines/engine.ts";
import type { Gpus } from "../../../gpus/gpus.ts";
import type { PreparedImage, WantedImage } from "../../../images/image.ts";
import { hasOwnCode } from "../../../images/own-code.ts";
import { fitToHost, type HostCapacity } from "../../../instance-types/fit-to-host.ts";
import { makeMemoryFolder } from "../../../memory-folder.ts";
import type { ObjectCatalogue } from "../../../objects/object-catalogue.ts";
import type { RunAccess } from "../../../run-access.ts";
import { stagedCode } from "../staged-code.ts";
import { downloadCheckpoints } from "./checkpoints.ts";
import { codeSigns } from "./code-signs.ts";
import { environment, writeConfigFiles } from "./config-files.ts";
import { debugOutputs } from "./debug-outputs.ts";
import { volumeKey } from "./encryption.ts";
import type { Host } from "./hosts.ts";
import type { FileSystems } from "./input/file-systems.ts";
import { layOutChannels } from "./input/lay-out-channels.ts";
import { jobNetwork } from "./job-network.ts";
import type { RunPlaces } from "./run-places.ts";
import type { TrainingJob, TrainingJobRecord } from "./training-job.ts";

/** A log file's limit; the engine drops what comes after, with a notice. */
const maxLogBytes = 1024 ** 3;

const inMemory =
  "The job has KMS keys: its volume is in memory, so that nothing of it reaches a disk in clear. What it writes counts against the memory of its instance.";

/** What a host of a job gets of this machine, and what its owner should know about that. */
export function allotment(
  { hosts }: Pick<TrainingJob, "hosts">,
  { instanceType, instances }: Host,
  machine: HostCapacity,
) {
  const fit = fitToHost(instanceType, instances, machine);
  const notices = [...fit.notices];
  // Our algorithms share the work between cores, and a model from parts that never met would be another model.
  if (instances > 1) {
    notices.unshift(
      `The job asked for ${instances} instances: it runs as one, sized like all of them, with the whole input.`,
    );
  }
  if (hosts > 1) notices.push(`The job's ${hosts} hosts share the cores and the memory of one machine.`);
  return { ...fit, notices };
}

/** The image that a job runs, as it asked for it. */
export function wantedImage({ account, region, value: { spec } }: TrainingJobRecord): WantedImage {
  const given = spec.AlgorithmSpecification;
  return {
    uri: given?.TrainingImage as string,
    hasOwnCode: hasOwnCode(codeSigns(spec)),
    account,
    region,
    start: {
      verb: "train",
      ...(given?.ContainerEntrypoint && { entrypoint: given.ContainerEntrypoint }),
      ...(given?.ContainerArguments && { arguments: given.ContainerArguments }),
      environment: spec.Environment ?? {},
    },
  };
}

/** What a layout takes from. */
type LayoutWorld = {
  readonly engine: Engine;
  readonly objects: ObjectCatalogue;
  readonly host: HostCapacity;
  readonly gpus: Gpus;
  readonly fileSystems?: FileSystems;
  readonly access?: Pick<RunAccess, "environment">;
};

/**
 * Lays out a host's /opt/ml and says how to run it. Repeating it writes the same files again.
 * @throws InputDataError when a channel cannot be laid out.
 */
export async function layOut(
  record: TrainingJobRecord,
  places: RunPlaces,
  image: PreparedImage,
  { objects, engine, host: machine, gpus, fileSystems = {}, access }: LayoutWorld,
): Promise<RunSpec> {
  const { value: job } = record;
  const { host, mlDirectory, logFile } = places;
  const debugFolders = debugOutputs(job.spec).map(({ path }) => relative("/opt/ml", path));
  const folders = ["input/config", "input/data", "model", "output/data", "output/metrics/sagemaker", ...debugFolders];
  if (places.isPrivate) await makeMemoryFolder(places.root);
  await Promise.all(folders.map((folder) => mkdir(join(mlDirectory, folder), { recursive: true })));
  await writeConfigFiles(mlDirectory, job, host);
  await downloadCheckpoints(objects, mlDirectory, job.spec);
  const copiesInput = showsHostPaths(engine, image.root.kind);
  const { channels, mounts } = await layOutChannels(record, places, { objects, fileSystems, copiesInput });
  const size = allotment(job, host, machine);
  // Our algorithms work on the CPU.
  const uuids = image.root.kind === "files" ? [] : (job.gpus?.[host.index] ?? []);
  const privacy = places.isPrivate ? [inMemory] : [];
  await beginLog(logFile, [...size.notices, ...image.notices, ...privacy]);
  return {
    root: image.root,
    command: image.command,
    workingDirectory: image.workingDirectory,
    environment: variables(record, places, image, {
      ...{ engine, access },
      gpus: gpus.all.length > 0 ? uuids : undefined,
    }),
    hostname: host.name,
    mlDirectory,
    ...(places.isPrivate && {
      scratch: { directory: join(places.root, "scratch"), must: volumeKey(job.spec) !== undefined },
    }),
    channels: [
      ...channels,
      ...(await stagedCode(objects, {
        image,
        account: record.account,
        runId: places.runId,
        submitDirectory:
          job.spec.HyperParameters?.["sagemaker_submit_directory"] ??
          job.spec.Environment?.["SAGEMAKER_SUBMIT_DIRECTORY"],
      })),
    ],
    mounts,
    network: jobNetwork(record, image),
    resources: {
      ...{ memoryBytes: size.memoryBytes, cpus: size.cpus, cpuWeight: size.cpuWeight },
      ...(uuids.length > 0 && { gpus: gpus.forRun(uuids) }),
    },
    serves: false,
    logFile,
    maxLogBytes,
  };
}

/** What every run is told, and code that its owner brought how to call the platform, unless it is cut off. */
function variables(
  { value: job, region }: TrainingJobRecord,
  { runId }: RunPlaces,
  image: PreparedImage,
  {
    engine,
    access,
    gpus,
  }: Pick<LayoutWorld, "engine"> & {
    readonly access: LayoutWorld["access"];
    readonly gpus: readonly string[] | undefined;
  },
): Record<string, string> {
  const cutOff = image.root.kind === "files" || job.spec.EnableNetworkIsolation;
  const given = cutOff ? undefined : access?.environment(runId, region, isIsolated(engine, image.root.kind));
  const own = environment(job.spec, job.arn, region, { ...given?.addresses, ...image.environment }, gpus);
  return { ...own, ...given?.credentials };
}

/** Starts the log with the platform's notices. A log that is there already has them. */
async function beginLog(file: string, notices: readonly string[]): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  const now = Date.now();
  const text = notices.map((notice) => `${now} [sagebrush] ${notice}\n`).join("");
  try {
    await writeFile(file, text, { flag: "wx", mode: 0o600 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}
