import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Channel, Mount, RunSpec } from "../../../../engines/engine.ts";
import { invariant } from "../../../../errors.ts";
import type { ObjectCatalogue } from "../../../../objects/object-catalogue.ts";
import { asFolder, type S3DataSource, sourceObjects, sourceUnits } from "../data-source.ts";
import type { FeedChannel, FeedUnit } from "../feeder/feed-plan.ts";
import { Feeder } from "../feeder/feeder.ts";
import { hostShare } from "../hosts.ts";
import { type InputChannel, InputDataError } from "../input-data.ts";
import type { RunPlaces } from "../run-places.ts";
import type { TrainingJobRecord } from "../training-job.ts";
import { type Share, wholeShare } from "./channel-share.ts";
import { channelMode } from "./check-channels.ts";
import { epochOrder } from "./epoch-order.ts";
import { type FileSystemDataSource, FileSystemFault, type FileSystems, locateFileSystem } from "./file-systems.ts";
import type { StreamUnit } from "./stream-unit.ts";

/** One S3 channel as one host gets it. */
interface HostChannel {
  readonly channel: InputChannel;
  readonly source: S3DataSource;
  readonly share: Share;
}

/** What is needed to lay a channel out. */
interface Layer {
  readonly objects: ObjectCatalogue;
  readonly account: string;
  /** Objects are held for this run, so that deleting one cannot pull its bytes away. */
  readonly runId: string;
  /** Whether files that are shown to the run are copied to no disk. */
  readonly staysInMemory: boolean;
}

/** What channels are laid out with. */
interface ChannelWorld {
  readonly objects: ObjectCatalogue;
  readonly fileSystems: FileSystems;
  /** Whether the engine copies channels into the run's /opt/ml. */
  readonly copiesInput: boolean;
}

/**
 * Lays out every channel that a host gets: those of files are the engine's to show, those of streams have a feeder, which is
 * ready when this resolves. Nothing is copied or read, however large.
 * @throws InputDataError when a channel cannot be laid out.
 */
export async function layOutChannels(
  record: TrainingJobRecord,
  places: RunPlaces,
  { objects, fileSystems, copiesInput }: ChannelWorld,
): Promise<Pick<RunSpec, "channels"> & { readonly mounts: readonly Mount[] }> {
  const staysInMemory = places.isPrivate || !copiesInput;
  const layer: Layer = { objects, account: record.account, runId: places.runId, staysInMemory };
  const files: Channel[] = [];
  const mounts: Mount[] = [];
  const streams: HostChannel[] = [];
  for (const channel of record.value.spec.InputDataConfig ?? []) {
    const share = hostShare(record.value, places.host, channel);
    if (share === undefined) continue;
    const { S3DataSource: source, FileSystemDataSource: fileSystem } = channel.DataSource ?? {};
    if (fileSystem) {
      mounts.push(await fileSystemMount(channel, fileSystem, fileSystems));
      continue;
    }
    invariant(source, "a channel without a source was refused when the job was created");
    const mode = channelMode(channel, record.value.spec);
    if (mode === "Pipe") streams.push({ channel, source, share });
    else files.push(await fileChannel({ channel, source, share }, mode === "FastFile", layer));
  }
  if (streams.length > 0) await startFeeder(streams, places, layer);
  return { channels: files, mounts };
}

async function fileSystemMount(
  channel: InputChannel,
  source: FileSystemDataSource,
  known: FileSystems,
): Promise<Mount> {
  try {
    const place = await locateFileSystem(source, known);
    const target = `/opt/ml/input/data/${channel.ChannelName}`;
    return { ...place, target, readOnly: source.FileSystemAccessMode !== "rw" };
  } catch (error) {
    // It was there when the job was created.
    if (error instanceof FileSystemFault) throw new InputDataError(`Channel ${channel.ChannelName}: ${error.message}`);
    throw error;
  }
}

async function fileChannel(
  { channel, source, share }: HostChannel,
  readOnly: boolean,
  { objects, account, runId, staysInMemory }: Layer,
): Promise<Channel> {
  const found = await sourceObjects(objects, readOnly ? asFolder(source) : source, account, share);
  const entries = found.map(({ entry }) => entry);
  if (!staysInMemory && entries.some(({ isEncrypted }) => isEncrypted)) {
    throw new InputDataError(
      `Channel ${channel.ChannelName} has objects that are encrypted with KMS keys, and this engine copies inputs to the job's volume: give ResourceConfig.VolumeKmsKeyId, or install bubblewrap.`,
    );
  }
  const sources = await objects.files(entries, runId);
  return {
    target: `/opt/ml/input/data/${channel.ChannelName}`,
    files: found.map(({ path, entry }, i) => ({ path, source: sources[i] as string, sizeBytes: entry.sizeBytes })),
    readOnly,
  };
}

async function startFeeder(streams: readonly HostChannel[], places: RunPlaces, layer: Layer): Promise<void> {
  const feeder = new Feeder(places.feeder);
  await feeder.start(async () => {
    const channels: FeedChannel[] = [];
    for (const [i, stream] of streams.entries()) {
      channels.push(await feedChannel(stream, join(feeder.folder, `units-${i}`), layer));
    }
    return { directory: join(places.mlDirectory, "input/data"), channels };
  });
}

async function feedChannel(stream: HostChannel, unitsFile: string, layer: Layer): Promise<FeedChannel> {
  const { channel, source } = stream;
  const all = await sourceUnits(layer.objects, source, layer.account);
  const seed = channel.ShuffleConfig?.Seed;
  // A seed deals other units in each epoch. Without one, those of other hosts need not be held for this one.
  const share = seed === undefined ? wholeShare : stream.share;
  const mine = seed === undefined ? Array.from(epochOrder(all.length, stream.share), (i) => all[i] as StreamUnit) : all;
  const lines = (await feedUnits(mine, layer)).map((unit) => `${JSON.stringify(unit)}\n`);
  await writeFile(unitsFile, lines, { mode: 0o600 });
  return {
    name: channel.ChannelName as string,
    units: unitsFile.slice(unitsFile.lastIndexOf("/") + 1),
    share,
    ...(seed !== undefined && { seed }),
    gzip: channel.CompressionType === "Gzip",
    recordIo: channel.RecordWrapperType === "RecordIO",
  };
}

/** The same units with files for objects. */
async function feedUnits(units: readonly StreamUnit[], { objects, runId }: Layer): Promise<FeedUnit[]> {
  const entries = units.flatMap((unit) => unit.flatMap((segment) => ("entry" in segment ? [segment.entry] : [])));
  const files = (await objects.files(entries, runId)).values();
  return units.map((unit) =>
    unit.map((segment) => {
      if (!("entry" in segment)) return segment;
      const { bucket, key, sizeBytes } = segment.entry;
      return { file: files.next().value as string, sizeBytes, uri: `s3://${bucket}/${key}` };
    }),
  );
}
