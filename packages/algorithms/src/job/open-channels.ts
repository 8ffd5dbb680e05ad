import { closeSync, openSync, readdirSync, readSync, statSync } from "node:fs";
import { join, relative } from "node:path";
import type { AlgorithmDefinition } from "../definition.ts";
import type { SourceFile } from "../formats/source-file.ts";
import { readTable } from "../formats/read-table.ts";
import type { Channel } from "./channels.ts";
import type { ChannelConfig } from "./config-files.ts";
import { parseContentType } from "./content-type.ts";
import { CustomerError } from "./errors.ts";

const recordIOType = "application/x-recordio-protobuf";
/** 0xCED7230A, little-endian. */
const recordIOMagic = Buffer.from([0x0a, 0x23, 0xd7, 0xce]);

interface Resources {
  readonly dataDirectory: string;
  readonly cpus: number;
  readonly signal: AbortSignal;
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
  for (const [name, { ContentType, TrainingInputMode = "File" }] of Object.entries(config)) {
    const declared = channels.find((channel) => channel.name === name);
    if (declared === undefined) {
      yield `Additional properties are not allowed ('${name}' was unexpected)`;
    } else if (TrainingInputMode === "Pipe") {
      yield `'Pipe' is not valid under any of the given schemas: channel '${name}' must use File or FastFile mode`;
    } else if (ContentType !== undefined && !declared.contentTypes.includes(parseContentType(ContentType).type)) {
      const accepted = declared.contentTypes.map((type) => `'${type}'`).join(", ");
      yield `'${ContentType}' is not valid under any of the given schemas: ContentType of channel '${name}' must be one of ${accepted}`;
    }
  }
}

function openChannel(name: string, config: ChannelConfig, { dataDirectory, cpus, signal }: Resources): Channel {
  const directory = join(dataDirectory, name);
  const contentType = config.ContentType === undefined ? undefined : parseContentType(config.ContentType);
  return {
    name,
    directory,
    contentType,
    distribution: config.S3DistributionType === "ShardedByS3Key" ? "ShardedByS3Key" : "FullyReplicated",
    read: async (options) => {
      const files = listFiles(directory, name);
      if (files.length === 0) throw new CustomerError(`Channel '${name}' has no files.`);
      const type = contentType ?? parseContentType(isRecordIO(files) ? recordIOType : options.defaultContentType);
      return await readTable(type, files, { ...options, cpus, signal });
    },
  };
}

/**
 * Whether the first file begins like RecordIO: the SDK's `record_set` names no content type, and the service's own
 * containers take such a channel as RecordIO-protobuf.
 */
function isRecordIO([first]: readonly SourceFile[]): boolean {
  if (first === undefined || first.sizeBytes < recordIOMagic.length) return false;
  const head = Buffer.alloc(recordIOMagic.length);
  const file = openSync(first.path, "r");
  try {
    readSync(file, head);
  } finally {
    closeSync(file);
  }
  return head.equals(recordIOMagic);
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
