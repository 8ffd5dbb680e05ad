import { type ObjectCatalogue, parseS3Uri } from "../../../objects/object-catalogue.ts";
import {
  type ChannelObject,
  channelObjects,
  filePath,
  hasObjects,
  type InputChannel,
  InputDataError,
  withoutClashes,
} from "./input-data.ts";

type S3DataSource = NonNullable<NonNullable<InputChannel["DataSource"]>["S3DataSource"]>;

/** A manifest names its objects one by one; more than this is not read into memory. */
const maxManifestBytes = 64 * 2 ** 20;

/** Whether a channel has anything to show: objects under its prefix, or its manifest. */
export async function hasInput(objects: ObjectCatalogue, source: S3DataSource, account: string): Promise<boolean> {
  if (source.S3DataType !== "ManifestFile") return hasObjects(objects, source.S3Uri as string, account);
  const at = parseS3Uri(source.S3Uri as string);
  return (
    at !== undefined &&
    (await objects.hasBucket(at.bucket, account)) &&
    (await objects.head(at.bucket, at.key)) !== undefined
  );
}

/**
 * The files of a channel.
 * @throws InputDataError when there is none, or when they cannot be files of one folder.
 */
export async function sourceObjects(
  objects: ObjectCatalogue,
  source: S3DataSource,
  account: string,
): Promise<ChannelObject[]> {
  if (source.S3DataType !== "ManifestFile") return channelObjects(objects, source.S3Uri as string);
  const uri = source.S3Uri as string;
  const { prefix, names } = parseManifest(await readManifest(objects, uri), uri);
  const at = parseS3Uri(prefix);
  if (!at) throw new InputDataError(`The manifest ${uri} begins with the prefix ${prefix}, which is not an S3 URI.`);
  if (!(await objects.hasBucket(at.bucket, account))) {
    throw new InputDataError(`The manifest ${uri} names the bucket ${at.bucket}, which does not exist.`);
  }
  const files: ChannelObject[] = [];
  for (const name of names) {
    const entry = await objects.head(at.bucket, at.key + name);
    if (!entry) throw new InputDataError(`The manifest ${uri} names ${prefix}${name}, which does not exist.`);
    files.push({ path: filePath(name, entry.key), entry });
  }
  return withoutClashes(files);
}

/** A JSON array: first `{"prefix": "s3://..."}`, then texts that are appended to the prefix as they stand. */
function parseManifest(text: string, uri: string): { prefix: string; names: string[] } {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw new InputDataError(`The manifest ${uri} is not JSON: ${(error as Error).message}`);
  }
  const [head, ...names] = Array.isArray(parsed) ? (parsed as unknown[]) : [];
  const prefix = (head as { prefix?: unknown } | null | undefined)?.prefix;
  if (typeof prefix !== "string" || names.length === 0 || names.some((name) => typeof name !== "string")) {
    throw new InputDataError(`The manifest ${uri} must be a list of {"prefix": "s3://..."} and the objects' names.`);
  }
  return { prefix, names: names as string[] };
}

async function readManifest(objects: ObjectCatalogue, uri: string): Promise<string> {
  const at = parseS3Uri(uri);
  const entry = at && (await objects.head(at.bucket, at.key));
  if (!entry) throw new InputDataError(`The manifest ${uri} does not exist.`);
  if (entry.sizeBytes > maxManifestBytes) {
    throw new InputDataError(`The manifest ${uri} has ${entry.sizeBytes} bytes; at most ${maxManifestBytes} are read.`);
  }
  const chunks: Buffer[] = [];
  for await (const chunk of await objects.read(entry.bucket, entry.key)) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}
