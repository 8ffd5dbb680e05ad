import { text } from "node:stream/consumers";
import type { ObjectCatalogue, ObjectEntry } from "../../objects/object-catalogue.ts";
import type { ModelData } from "../fleet.ts";

/** The objects cannot be the files of a model. The message is fit for a FailureReason. */
export class ModelDataRefused extends Error {
  override readonly name = "ModelDataRefused";
}

/** An object of a model that is not packed, and the path that it has below the model's folder. */
export interface ModelObject {
  readonly path: string;
  readonly entry: ObjectEntry;
}

/** Most objects of one model, as for files of an archive. */
const mostObjects = 100_000;
const mostManifestBytes = 64 * 1024 ** 2;
/** Longest name of a file, in bytes. */
const longestName = 255;

/**
 * The objects that a model's uncompressed data consists of: one, those below a prefix, or those of them that a manifest names.
 * @throws ModelDataRefused when there is none, or when they cannot be files of one folder.
 */
export async function modelObjects(
  objects: Pick<ObjectCatalogue, "head" | "list" | "read">,
  data: ModelData,
): Promise<ModelObject[]> {
  const found = data.form === "object" ? await one(objects, data) : await several(objects, data);
  if (found.length === 0) throw new ModelDataRefused(`Could not find model data at ${data.url}.`);
  const files = new Set<string>();
  for (const { path } of found) {
    checkPath(path, data);
    if (files.has(path)) throw new ModelDataRefused(`${what(data)} names ${quoted(path)} twice.`);
    files.add(path);
  }
  for (const path of files) {
    for (let slash = path.indexOf("/"); slash >= 0; slash = path.indexOf("/", slash + 1)) {
      if (!files.has(path.slice(0, slash))) continue;
      throw new ModelDataRefused(`${what(data)} has ${quoted(path.slice(0, slash))} both as a file and as a folder.`);
    }
  }
  return found;
}

async function one(objects: Pick<ObjectCatalogue, "head">, { bucket, key }: ModelData): Promise<ModelObject[]> {
  const entry = await objects.head(bucket, key);
  return entry === undefined ? [] : [{ path: key.slice(key.lastIndexOf("/") + 1), entry }];
}

async function several(
  objects: Pick<ObjectCatalogue, "head" | "list" | "read">,
  data: ModelData,
): Promise<ModelObject[]> {
  const { bucket, key: prefix } = data;
  const found: ModelObject[] = [];
  if (data.manifest !== undefined) {
    for (const path of await manifestPaths(objects, data)) {
      const entry = await objects.head(bucket, `${prefix}${path}`);
      if (entry === undefined) {
        throw new ModelDataRefused(
          `${what(data)} names ${quoted(path)}, and there is no such object below ${data.url}.`,
        );
      }
      found.push({ path, entry });
    }
    return found;
  }
  for await (const entry of objects.list(bucket, prefix)) {
    if (found.length === mostObjects) throw new ModelDataRefused(`${what(data)} has more than ${mostObjects} objects.`);
    found.push({ path: entry.key.slice(prefix.length), entry });
  }
  return found;
}

/** A manifest is CSV whose first column names an object below the prefix, by its whole address or relative to it. */
async function manifestPaths(
  objects: Pick<ObjectCatalogue, "head" | "read">,
  { manifest, url }: ModelData,
): Promise<string[]> {
  const { bucket = "", key = "" } = manifest ?? {};
  const uri = `s3://${bucket}/${key}`;
  const entry = await objects.head(bucket, key);
  if (entry === undefined) throw new ModelDataRefused(`Could not find the manifest of model data at ${uri}.`);
  if (entry.sizeBytes > mostManifestBytes) {
    throw new ModelDataRefused(
      `The manifest ${uri} has ${entry.sizeBytes} bytes; at most ${mostManifestBytes} are read.`,
    );
  }
  const lines = (await text(await objects.read(bucket, key))).split(/\r?\n/u).filter((line) => line.trim() !== "");
  if (lines.length > mostObjects) throw new ModelDataRefused(`The manifest ${uri} has more than ${mostObjects} lines.`);
  return lines.map((line) => {
    const [, inQuotes, bare = ""] = /^\s*(?:"((?:[^"]|"")*)"|([^,]*))/u.exec(line) ?? [];
    const named = inQuotes === undefined ? bare.trim() : inQuotes.replaceAll('""', '"');
    if (!named.startsWith("s3://")) return named;
    if (named.startsWith(url)) return named.slice(url.length);
    throw new ModelDataRefused(`The manifest ${uri} names ${quoted(named)}, which is not below ${url}.`);
  });
}

/** What SageMaker's own deployments fail for. */
function checkPath(path: string, data: ModelData): void {
  const refuse = (why: string): never => {
    throw new ModelDataRefused(`${what(data)} has the object ${quoted(path)}, which cannot be a file: ${why}.`);
  };
  if (path === "") refuse("its name is empty below the prefix");
  if (path.endsWith("/")) refuse("its name ends with a slash, as that of a folder does");
  if (path.includes("\0")) refuse("its name holds a NUL character");
  for (const part of path.split("/")) {
    if (part === "") refuse("a part of its name is empty");
    if (part === "." || part === "..") refuse(`its name holds "${part}"`);
    if (Buffer.byteLength(part) > longestName) refuse(`a part of its name has more than ${longestName} bytes`);
  }
}

function what({ url }: ModelData): string {
  return `Model data at ${url}`;
}

function quoted(path: string): string {
  return JSON.stringify(path.length > 200 ? `${path.slice(0, 200)}…` : path);
}
