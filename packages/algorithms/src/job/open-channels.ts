import { readdirSync, statSync } from "node:fs";
import { join, relative } from "node:path";
import type { AlgorithmDefinition } from "../definition.ts";
import { type ReadResources, readTable, streamFormatOf } from "../formats/read-table.ts";
import { isRecordIo } from "../formats/recordio-protobuf/frames.ts";
import type { SourceFile } from "../formats/source-file.ts";
import { MemoryBudget } from "../formats/stream/memory-budget.ts";
import type { ReadingTime } from "../formats/stream/reading-time.ts";
import { type PassSource, RowStream } from "../formats/stream/row-stream.ts";
import { NoRoom } from "../formats/table-memory.ts";
import type { Channel, ContentType, ReadOptions } from "./channels.ts";
import type { ChannelConfig } from "./config-files.ts";
import { parseContentType } from "./content-type.ts";
import { CustomerError } from "./errors.ts";
import { schemaWording } from "./hyperparameters.ts";
import { PipeEpochs } from "./pipe-epochs.ts";

/** The SDK's `record_set` names no content type, and its files are of this one. */
const recordIoType = "application/x-recordio-protobuf";

/** Files hold more than this for a byte of their table only where numbers have 32 digits: larger ones need not be counted. */
const bytesPerTableByte = 8;

interface Resources extends ReadResources {
  readonly dataDirectory: string;
  /** Counts how long rows are waited for, in whichever channel. */
  readonly reading?: ReadingTime;
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
  const budget = MemoryBudget.ofRun(resources.memoryBytes);
  return new Map(
    Object.entries(config).map(([name, channel]) => [name, openChannel(name, channel, resources, budget)]),
  );
}

function* channelFaults(
  { channels, wording = schemaWording }: AlgorithmDefinition,
  config: Readonly<Record<string, ChannelConfig>>,
): Generator<string> {
  for (const { name, required } of channels) {
    if (required && config[name] === undefined) yield wording.missingChannel(name);
  }
  for (const [name, { ContentType, S3DistributionType, TrainingInputMode }] of Object.entries(config)) {
    const declared = channels.find((channel) => channel.name === name);
    if (declared === undefined) {
      yield wording.unknownChannel(name);
      continue;
    }
    const { distribution, modes } = declared;
    if (distribution !== undefined && S3DistributionType !== undefined && S3DistributionType !== distribution) {
      yield `'${S3DistributionType}' is not valid under any of the given schemas: S3DistributionType of channel '${name}' must be '${distribution}'`;
    }
    if (modes !== undefined && TrainingInputMode !== undefined && !modes.some((mode) => mode === TrainingInputMode)) {
      const accepted = modes.map((mode) => `'${mode}'`).join(", ");
      yield `'${TrainingInputMode}' is not valid under any of the given schemas: TrainingInputMode of channel '${name}' must be one of ${accepted}`;
    }
    if (ContentType !== undefined && !declared.contentTypes.includes(parseContentType(ContentType).type)) {
      const accepted = declared.contentTypes.map((type) => `'${type}'`).join(", ");
      yield `'${ContentType}' is not valid under any of the given schemas: ContentType of channel '${name}' must be one of ${accepted}`;
    }
  }
}

function openChannel(
  name: string,
  config: ChannelConfig,
  { dataDirectory, ...resources }: Resources,
  budget: MemoryBudget,
): Channel {
  const directory = join(dataDirectory, name);
  const contentType = config.ContentType === undefined ? undefined : parseContentType(config.ContentType);
  const typeOf = (files: readonly SourceFile[], options: ReadOptions): ContentType =>
    contentType ?? parseContentType(isRecordIo(files) ? recordIoType : options.defaultContentType);
  const epochs = config.TrainingInputMode === "Pipe" ? new PipeEpochs(directory) : undefined;
  const open = async () => {
    if (epochs === undefined) return { files: filesOf(directory, name), [Symbol.dispose]: () => undefined };
    const file = await epochs.next(resources.signal);
    return { files: [file], [Symbol.dispose]: () => file[Symbol.dispose]() };
  };
  const read = async (files: readonly SourceFile[], options: ReadOptions, room?: MemoryBudget) => {
    const table = readTable(typeOf(files, options), files, { ...options, ...resources, room });
    return await (resources.reading?.during(table) ?? table);
  };
  return {
    name,
    directory: epochs === undefined ? directory : undefined,
    contentType,
    distribution: config.S3DistributionType === "ShardedByS3Key" ? "ShardedByS3Key" : "FullyReplicated",
    isEmpty: () => epochs === undefined && listFiles(directory, name).every(({ sizeBytes }) => sizeBytes === 0),
    read: async (options) => {
      using source = await open();
      return await read(source.files, options);
    },
    readIfKept: async (options) => {
      using source = await open();
      const bytes = source.files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
      if (bytes > bytesPerTableByte * budget.leftForTables) return undefined;
      try {
        return await read(source.files, options, budget);
      } catch (error) {
        if (error instanceof NoRoom) return undefined;
        throw error;
      }
    },
    stream: (options) => {
      const openPass = async (): Promise<PassSource> => {
        const source = await open();
        try {
          const format = streamFormatOf(typeOf(source.files, options), options);
          return { ...source, ...format, isRepeatable: epochs === undefined };
        } catch (error) {
          source[Symbol.dispose]();
          throw error;
        }
      };
      return new RowStream(openPass, { ...options, ...resources, budget });
    },
  };
}

function filesOf(directory: string, name: string): SourceFile[] {
  const files = listFiles(directory, name);
  if (files.length === 0) throw new CustomerError(`Channel '${name}' has no files.`);
  return files;
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
