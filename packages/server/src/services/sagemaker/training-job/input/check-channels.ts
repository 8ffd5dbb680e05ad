import { validationException } from "../../../../errors.ts";
import { parseS3Uri } from "../../../../objects/object-catalogue.ts";
import type { S3DataSource } from "../data-source.ts";
import type { InputChannel } from "../input-data.ts";
import type { TrainingJobSpec } from "../training-job.ts";

/** How a channel is shown: its own InputMode, else the job's. */
export function channelMode(channel: InputChannel, spec: TrainingJobSpec): "File" | "FastFile" | "Pipe" {
  return channel.InputMode ?? spec.AlgorithmSpecification?.TrainingInputMode ?? "File";
}

/**
 * Checks what the service's model cannot state of a job's channels.
 * @throws ValidationException naming the channel.
 */
export function checkChannels(spec: TrainingJobSpec): void {
  const channels = spec.InputDataConfig ?? [];
  const names = new Set<string>();
  for (const { ChannelName } of channels) {
    if (names.has(ChannelName as string)) throw validationException(`Duplicate channel name: ${ChannelName}`);
    names.add(ChannelName as string);
  }
  for (const channel of channels) {
    const fault = channelFault(channel, spec) ?? nameClash(channel, spec, names);
    if (fault !== undefined) throw validationException(`Channel ${channel.ChannelName}: ${fault}`);
  }
}

function channelFault(channel: InputChannel, spec: TrainingJobSpec): string | undefined {
  // The channel is a folder of this name; these two are already taken by the folders around it.
  if (channel.ChannelName === "." || channel.ChannelName === "..") return "this name cannot be a folder's.";
  const { S3DataSource: s3, FileSystemDataSource: fileSystem, DatasetSource: dataset } = channel.DataSource ?? {};
  if ([s3, fileSystem, dataset].filter((source) => source !== undefined).length > 1) {
    return "DataSource takes exactly one of S3DataSource and FileSystemDataSource.";
  }
  const mode = channelMode(channel, spec);
  if (fileSystem)
    return mode === "File" ? modeFault(channel, mode) : `FileSystemDataSource is not allowed with input mode ${mode}.`;
  if (!s3) return "DataSource needs S3DataSource or FileSystemDataSource.";
  return modeFault(channel, mode) ?? s3Fault(s3, mode) ?? groupFault(s3, spec);
}

/** What only a stream can do. */
function modeFault(channel: InputChannel, mode: string): string | undefined {
  if (mode === "Pipe") return undefined;
  if (channel.CompressionType === "Gzip") return `CompressionType Gzip is not allowed with input mode ${mode}.`;
  if (channel.RecordWrapperType === "RecordIO")
    return `RecordWrapperType RecordIO is not allowed with input mode ${mode}.`;
  return undefined;
}

function s3Fault(s3: S3DataSource, mode: string): string | undefined {
  const { S3DataType: type, S3Uri: uri, AttributeNames: attributes = [] } = s3;
  if (!parseS3Uri(uri as string)) return `S3Uri "${uri}" is not an S3 URI.`;
  if (type === "Converse") return "S3DataType Converse is not supported.";
  if (mode === "FastFile" && type !== "S3Prefix") return `S3DataType ${type} is not allowed with input mode FastFile.`;
  if (type !== "AugmentedManifestFile") {
    return attributes.length === 0
      ? undefined
      : `AttributeNames is only allowed with S3DataType AugmentedManifestFile.`;
  }
  if (mode !== "Pipe") return `S3DataType AugmentedManifestFile is only allowed with input mode Pipe.`;
  if (attributes.length === 0) return "AttributeNames is required with S3DataType AugmentedManifestFile.";
  const twice = attributes.find((name, i) => attributes.indexOf(name) !== i);
  return twice === undefined ? undefined : `AttributeNames has "${twice}" twice.`;
}

function groupFault({ InstanceGroupNames: wanted = [] }: S3DataSource, spec: TrainingJobSpec): string | undefined {
  const groups = (spec.ResourceConfig?.InstanceGroups ?? []).map(({ InstanceGroupName }) => InstanceGroupName);
  const unknown = wanted.find((name) => !groups.includes(name));
  if (unknown === undefined) return undefined;
  const known = groups.length === 0 ? "the job has none" : `there are ${groups.join(", ")}`;
  return `InstanceGroupNames has "${unknown}", which is no instance group of ResourceConfig: ${known}.`;
}

/** The FIFOs of a Pipe channel `x` are `x_0`, `x_1` and so on, beside the folders of other channels. */
function nameClash(channel: InputChannel, spec: TrainingJobSpec, names: ReadonlySet<string>): string | undefined {
  if (channelMode(channel, spec) !== "Pipe") return undefined;
  const clash = [...names].find(
    (name) =>
      name.startsWith(`${channel.ChannelName}_`) &&
      /^\d+$/.test(name.slice((channel.ChannelName as string).length + 1)),
  );
  return clash && `in input mode Pipe its epochs are named ${channel.ChannelName}_0 and so on, as channel ${clash} is.`;
}
