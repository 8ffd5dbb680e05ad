import { appendFile, mkdir, open } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Channel, RunSpec } from "../../../engines/engine.ts";
import { invariant } from "../../../errors.ts";
import type { ImageRequest, PreparedImage } from "../../../images/image.ts";
import { resolveImage } from "../../../images/resolve-image.ts";
import { fitToHost, type HostCapacity } from "../../../instance-types/fit-to-host.ts";
import type { ObjectCatalogue } from "../../../objects/object-catalogue.ts";
import { downloadCheckpoints } from "./checkpoints.ts";
import { environment, writeConfigFiles } from "./config-files.ts";
import { asFolder, sourceObjects } from "./data-source.ts";
import { channelShare, onlyHost } from "./input/channel-share.ts";
import { channelMode } from "./input/check-channels.ts";
import type { TrainingJobRecord, TrainingJobSpec } from "./training-job.ts";

/** A log file's limit; the engine drops what comes after, with a notice. */
const maxLogBytes = 1024 ** 3;

/** Where one run's things are on the host. */
export interface RunPlaces {
  readonly runId: string;
  /** Becomes /opt/ml. */
  readonly mlDirectory: string;
  readonly logFile: string;
}

/** How many instances of which type a job asked for. */
function wantedInstances({ ResourceConfig: resources }: TrainingJobSpec): {
  readonly type: string;
  readonly count: number;
} {
  const groups = resources?.InstanceGroups ?? [];
  if (groups.length > 0) {
    const count = groups.reduce((sum, group) => sum + (group.InstanceCount ?? 1), 0);
    return { type: groups[0]?.InstanceType ?? "", count };
  }
  return { type: resources?.InstanceType ?? "", count: resources?.InstanceCount ?? 1 };
}

/**
 * What a job gets of the host. Several instances become one run with the size of all of them and the whole input: our
 * algorithms share the work between cores, and a model from parts that never met would be another model.
 */
export function allotment(spec: TrainingJobSpec, host: HostCapacity) {
  const { type, count } = wantedInstances(spec);
  const fit = fitToHost(type, count, host);
  const many = `The job asked for ${count} instances: it runs as one, sized like all of them, with the whole input.`;
  return { ...fit, notices: [...(count > 1 ? [many] : []), ...fit.notices] };
}

/**
 * The image that a job runs, as it asked for it.
 * @throws UnknownImage when this version no longer knows it.
 */
export function imageRequest({ account, region, value: { spec } }: TrainingJobRecord): ImageRequest {
  const given = spec.AlgorithmSpecification;
  return {
    image: resolveImage(given?.TrainingImage as string),
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

/**
 * Lays out /opt/ml and says how to run the job. Repeating it writes the same files again.
 * @throws InputDataError when a channel cannot be laid out.
 */
export async function layOut(
  record: TrainingJobRecord,
  places: RunPlaces,
  image: PreparedImage,
  { objects, host }: { readonly objects: ObjectCatalogue; readonly host: HostCapacity },
): Promise<RunSpec> {
  const { spec, arn, notices } = record.value;
  for (const folder of ["input/config", "input/data", "model", "output/data", "output/metrics/sagemaker"]) {
    await mkdir(join(places.mlDirectory, folder), { recursive: true });
  }
  await writeConfigFiles(places.mlDirectory, spec);
  await downloadCheckpoints(objects, places.mlDirectory, spec);
  await beginLog(places.logFile, [...notices, ...image.notices]);
  const size = allotment(spec, host);
  return {
    root: image.root,
    command: image.command,
    workingDirectory: image.workingDirectory,
    environment: environment(spec, arn, record.region, image.environment),
    hostname: "algo-1",
    mlDirectory: places.mlDirectory,
    channels: await channels(record, objects, places.runId),
    network: { kind: "none" },
    resources: { memoryBytes: size.memoryBytes, cpus: size.cpus, cpuWeight: size.cpuWeight },
    serves: false,
    logFile: places.logFile,
    maxLogBytes,
  };
}

/** Every channel's files, held for the run so that deleting an object cannot pull it away. */
async function channels(record: TrainingJobRecord, objects: ObjectCatalogue, runId: string): Promise<Channel[]> {
  const { spec } = record.value;
  const all: Channel[] = [];
  for (const channel of spec.InputDataConfig ?? []) {
    const source = channel.DataSource.S3DataSource;
    invariant(source, "a channel without S3DataSource was refused when the job was created");
    const share = channelShare(channel, spec, onlyHost);
    if (share === undefined) continue;
    const mode = channelMode(channel, spec);
    const shown = mode === "FastFile" ? asFolder(source) : source;
    const found = await sourceObjects(objects, shown, record.account, share);
    const sources = await objects.files(
      found.map(({ entry }) => entry),
      runId,
    );
    all.push({
      target: `/opt/ml/input/data/${channel.ChannelName}`,
      files: found.map(({ path, entry }, i) => ({ path, source: sources[i] as string, sizeBytes: entry.sizeBytes })),
      readOnly: mode === "FastFile",
    });
  }
  return all;
}

/** Starts the log with the platform's notices. A log that is there already has them. */
async function beginLog(file: string, notices: readonly string[]): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  try {
    await (await open(file, "wx", 0o600)).close();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return;
    throw error;
  }
  const now = Date.now();
  await appendFile(file, notices.map((notice) => `${now} [sagebrush] ${notice}\n`).join(""));
}
