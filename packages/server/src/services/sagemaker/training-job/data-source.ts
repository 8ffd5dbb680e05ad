import { type ObjectCatalogue, parseS3Uri } from "../../../objects/object-catalogue.ts";
import { augmentedManifestLines } from "./input/augmented-manifest.ts";
import { type Share, wholeShare } from "./input/channel-share.ts";
import { epochOrder } from "./input/epoch-order.ts";
import { manifestEntries } from "./input/manifest.ts";
import type { StreamUnit } from "./input/stream-unit.ts";
import {
  type ChannelObject,
  channelObjects,
  filePath,
  hasObjects,
  type InputChannel,
  InputDataError,
  listObjects,
  withoutClashes,
} from "./input-data.ts";

/** Where a channel's objects are, as a request says it. */
export type S3DataSource = NonNullable<NonNullable<InputChannel["DataSource"]>["S3DataSource"]>;

/** Whether a channel has anything to show: objects under its prefix, or its manifest. */
export async function hasInput(objects: ObjectCatalogue, source: S3DataSource, account: string): Promise<boolean> {
  if (source.S3DataType === "S3Prefix") return hasObjects(objects, source.S3Uri as string, account);
  const at = parseS3Uri(source.S3Uri as string);
  return (
    at !== undefined &&
    (await objects.hasBucket(at.bucket, account)) &&
    (await objects.head(at.bucket, at.key)) !== undefined
  );
}

/** FastFile takes a prefix for a whole folder, whether or not it ends with a slash. */
export function asFolder(source: S3DataSource): S3DataSource {
  const at = parseS3Uri(source.S3Uri as string);
  return !at || at.key === "" || at.key.endsWith("/") ? source : { ...source, S3Uri: `${source.S3Uri}/` };
}

/**
 * A host's files of a channel.
 * @param share - Which of the objects, in the order of keys or of the manifest, are this host's.
 * @throws InputDataError when there is none at all, or when they cannot be files of one folder.
 */
export async function sourceObjects(
  objects: ObjectCatalogue,
  source: S3DataSource,
  account: string,
  share: Share = wholeShare,
): Promise<ChannelObject[]> {
  const all = await allObjects(objects, source, account);
  if (all.length === 0) throw new InputDataError(`No files under ${source.S3Uri}.`);
  return Array.from(epochOrder(all.length, share), (i) => all[i] as ChannelObject);
}

async function allObjects(objects: ObjectCatalogue, source: S3DataSource, account: string): Promise<ChannelObject[]> {
  const uri = source.S3Uri as string;
  if (source.S3DataType !== "ManifestFile") {
    await mustOwn(objects, uri, account);
    return channelObjects(objects, uri);
  }
  const named = await manifestEntries(objects, uri, account);
  return withoutClashes(named.map(({ name, entry }) => ({ path: filePath(name, entry.key), entry })));
}

/**
 * What a Pipe channel streams, in the order of keys or of the manifest, for all hosts together. Any key will do: a stream
 * has no paths.
 * @throws InputDataError when there is nothing, or the manifest is at fault.
 */
export async function sourceUnits(
  objects: ObjectCatalogue,
  source: S3DataSource,
  account: string,
): Promise<StreamUnit[]> {
  const uri = source.S3Uri as string;
  switch (source.S3DataType) {
    case "AugmentedManifestFile":
      return augmentedManifestLines(objects, uri, source.AttributeNames ?? [], account);
    case "ManifestFile":
      return (await manifestEntries(objects, uri, account)).map(({ entry }) => [{ entry }]);
    default: {
      await mustOwn(objects, uri, account);
      const entries = await listObjects(objects, uri);
      if (entries.length === 0) throw new InputDataError(`No files under ${uri}.`);
      return entries.map((entry) => [{ entry }]);
    }
  }
}

/** It did when the job was created; bucket names are global, and this one may have another owner by now. */
async function mustOwn(objects: ObjectCatalogue, uri: string, account: string): Promise<void> {
  const at = parseS3Uri(uri);
  if (at && (await objects.hasBucket(at.bucket, account))) return;
  throw new InputDataError(`The bucket of ${uri} does not exist.`);
}
