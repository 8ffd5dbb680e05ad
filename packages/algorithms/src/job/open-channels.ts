import { readdirSync, statSync } from "node:fs";
import { join, relative } from "node:path";
import type { AlgorithmDefinition } from "../definition.ts";
import { type ReadResources, readTable } from "../formats/read-table.ts";
import { isRecordIo } from "../formats/recordio-protobuf/frames.ts";
import type { SourceFile } from "../formats/source-file.ts";
import type { Channel, ReadOptions } from "./channels.ts";
import type { ChannelConfig } from "./config-files.ts";
import { parseContentType } from "./content-type.ts";
import { CustomerError } from "./errors.ts";
import { PipeEpochs } from "./pipe-epochs.ts";

/** The SDK's `record_set` names no content type, and its files are of this one. */
const recordIoType = "application/x-recordio-protobuf";

interface Resources extends ReadResources {
  readonly dataDirectory: string;
}

/**
 * Checks a job's channels against what the algorithm takes, and opens them.
 * @throws CustomerError with JSON-schema wording, all faults at once.
 */
export function openChannels(
  definition: AlgorithmDefinition,
  config: Readonly<Record<string, ChannelConfig>>,
  resources: Resources,
): ReadonlyMap<string, Channel> {
  const faults = [...channelFaults(definition, config)];
  if (faults.length > 0) {
    throw new CustomerError(
      `Unable to initialize the algorithm. Failed to validate input data configuration. ${faults.join("; ")}`,
    );
  }
  return new Map(Object.entries(config).map(([name, channel]) => [name, openChannel(name, channel, resources)]));
}

function* channelFaults(
  { channels }: AlgorithmDefinition,
  config: Readonly<Record<string, ChannelConfig>>,
): Generator<string> {
  for (const { name, required } of channels) {
    if (required && config[name] === undefined) yield `'${name}' is a required property`;
  }
  for (const [name, { ContentType }] of Object.entries(config)) {
    const declared = channels.find((channel) => channel.name === name);
    if (declared === undefined) {
      yield `Additional properties are not allowed ('${name}' was unexpected)`;
    } else if (ContentType !== undefined && !declared.contentTypes.includes(parseContentType(ContentType).type)) {
      const accepted = declared.contentTypes.map((type) => `'${type}'`).join(", ");
      yield `'${ContentType}' is not valid under any of the given schemas: ContentType of channel '${name}' must be one of ${accepted}`;
    }
  }
}

function openChannel(name: string, config: ChannelConfig, { dataDirectory, ...resources }: Resources): Channel {
  const directory = join(dataDirectory, name);
  const contentType = config.ContentType === undefined ? undefined : parseContentType(config.ContentType);
  const readFiles = async (files: readonly SourceFile[], options: ReadOptions) => {
    const type = contentType ?? parseContentType(isRecordIo(files) ? recordIoType : options.defaultContentType);
    return await readTable(type, files, { ...options, ...resources });
  };
  const epochs = config.TrainingInputMode === "Pipe" ? new PipeEpochs(directory) : undefined;
  return {
    name,
    directory: epochs === undefined ? directory : undefined,
    contentType,
    distribution: config.S3DistributionType === "ShardedByS3Key" ? "ShardedByS3Key" : "FullyReplicated",
    read: async (options) => {
      if (epochs !== undefined) return await epochs.read(resources.signal, (file) => readFiles([file], options));
      const files = listFiles(directory, name);
      if (files.length === 0) throw new CustomerError(`Channel '${name}' has no files.`);
      return await readFiles(files, options);
    },
  };
}

/** Every file below a directory, sorted by the bytes of its path, as S3 lists objects. */
function listFiles(directory: string, channel: string): SourceFile[] {
  let entries: string[];
  try {
    entries = readdirSync(directory, { recursive: true, encoding: "utf8" });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
  return entries
    .map((entry) => join(directory, entry))
    .map((path) => ({ path, status: statSync(path) }))
    .filter(({ status }) => status.isFile())
    .map(({ path, status }) => ({
      path,
      name: `${channel}/${relative(directory, path)}`,
      sizeBytes: status.size,
    }))
    .sort((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)));
}
