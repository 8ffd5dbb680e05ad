import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { AlgorithmDefinition } from "../definition.ts";
import type { Channel } from "../job/channels.ts";
import { openChannels } from "../job/open-channels.ts";
import { temporaryDirectory } from "./temporary-directory.ts";

/** Files by name, as a channel has them. */
export type ChannelFiles = Readonly<Record<string, string | Uint8Array>>;

interface ChannelOptions {
  readonly files: ChannelFiles;
  readonly contentType?: string;
}

const anyType = ["text/csv", "application/x-recordio-protobuf", "application/x-parquet"];
const definition: AlgorithmDefinition = {
  name: "any",
  aliases: [],
  registry: "first-party",
  hyperparameters: {},
  channels: [{ name: "train", required: true, contentTypes: anyType }],
  metrics: [],
  supportsDistributedTraining: false,
};

/** A File channel called `train` with these files. */
export function channelOf({ files, contentType }: ChannelOptions): Channel {
  const dataDirectory = temporaryDirectory();
  mkdirSync(join(dataDirectory, "train"));
  writeFiles(join(dataDirectory, "train"), files);
  const channels = openChannels(
    definition,
    { train: { TrainingInputMode: "File", ...(contentType === undefined ? {} : { ContentType: contentType }) } },
    { dataDirectory, cpus: 1, memoryBytes: undefined, signal: new AbortController().signal },
  );
  return channels.get("train") as Channel;
}

/** Writes files below a folder. */
export function writeFiles(folder: string, files: ChannelFiles): void {
  for (const [name, content] of Object.entries(files)) {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
  }
}
