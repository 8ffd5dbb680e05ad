import { type ObjectCatalogue, type ObjectEntry, parseS3Uri } from "../../../objects/object-catalogue.ts";
import type { TrainingJobSpec } from "./training-job.ts";

/** One channel of a request. */
export type InputChannel = NonNullable<TrainingJobSpec["InputDataConfig"]>[number];

/** What a channel shows as a file. */
export interface ChannelObject {
  /** Relative to the channel's folder. */
  readonly path: string;
  readonly entry: ObjectEntry;
}

/** The input cannot be laid out as files; the text ends up in FailureReason. */
export class InputDataError extends Error {
  override readonly name = "InputDataError";
}

/** How SageMaker words an S3 input without objects. */
export function emptyInputMessage(uri: string, bucket: string, region: string, roleArn: string): string {
  return (
    `No S3 objects found under S3 URL "${uri}" given in input data source. Please ensure that the bucket exists in ` +
    `the selected region (${region}), that objects exist under that S3 prefix, and that the role "${roleArn}" has ` +
    `"s3:ListBucket" permissions on bucket "${bucket}".`
  );
}

/** Whether any object lies under an S3 URI. A bucket that does not exist, or is another account's, has none. */
export async function hasObjects(objects: ObjectCatalogue, uri: string, account: string): Promise<boolean> {
  const at = parseS3Uri(uri);
  if (!at || !(await objects.hasBucket(at.bucket, account))) return false;
  for await (const _ of objects.list(at.bucket, at.key)) return true;
  return false;
}

/**
 * The files of an S3Prefix channel: every object whose key begins with the prefix, folder markers left out.
 * @throws InputDataError when keys cannot be paths of one folder.
 */
export async function channelObjects(objects: ObjectCatalogue, uri: string): Promise<ChannelObject[]> {
  const entries = await listObjects(objects, uri);
  const strip = strippedLength(parseS3Uri(uri)?.key ?? "", entries);
  return withoutClashes(entries.map((entry) => ({ path: filePath(entry.key.slice(strip), entry.key), entry })));
}

/** Every object whose key begins with the prefix, folder markers left out, in byte order of the key. */
export async function listObjects(objects: ObjectCatalogue, uri: string): Promise<ObjectEntry[]> {
  const at = parseS3Uri(uri);
  if (!at) throw new InputDataError(`${uri} is not an S3 URI.`);
  const entries: ObjectEntry[] = [];
  for await (const entry of objects.list(at.bucket, at.key)) {
    // Consoles and file browsers make objects like `a/` to stand for folders.
    if (!entry.key.endsWith("/")) entries.push(entry);
  }
  return entries;
}

/**
 * How much of every key is not part of the path. A prefix that names a folder, with or without its slash, stands for
 * what is in the folder, as in the SDK's `s3://bucket/train`; any other prefix is cut after its last slash.
 */
function strippedLength(prefix: string, entries: readonly ObjectEntry[]): number {
  const asFolder = prefix === "" || prefix.endsWith("/") ? prefix : `${prefix}/`;
  if (entries.every(({ key }) => key.startsWith(asFolder))) return asFolder.length;
  return prefix.lastIndexOf("/") + 1;
}

/** Keys may hold what a path may not: empty segments are dropped as file systems do, the rest is refused. */
export function filePath(rest: string, key: string): string {
  const segments = rest.split("/").filter((segment) => segment !== "");
  const bad = segments.find(
    (segment) => segment === "." || segment === ".." || segment.includes("\0") || Buffer.byteLength(segment) > 255,
  );
  if (bad !== undefined || segments.length === 0) {
    throw new InputDataError(`The key ${JSON.stringify(key)} cannot be a file's path.`);
  }
  return segments.join("/");
}

/** S3 allows `a` beside `a/b`; a folder does not. */
export function withoutClashes(files: ChannelObject[]): ChannelObject[] {
  const paths = new Set<string>();
  const folders = new Set<string>();
  for (const { path, entry } of files) {
    if (paths.has(path)) throw new InputDataError(`Two objects would be the file ${path}: ${entry.key} is one.`);
    paths.add(path);
    for (let end = path.lastIndexOf("/"); end > 0; end = path.lastIndexOf("/", end - 1)) {
      const folder = path.slice(0, end);
      if (folders.has(folder)) break;
      folders.add(folder);
    }
  }
  const clash = [...folders].find((folder) => paths.has(folder));
  if (clash !== undefined) throw new InputDataError(`${clash} would be a file and a folder at once.`);
  return files;
}
