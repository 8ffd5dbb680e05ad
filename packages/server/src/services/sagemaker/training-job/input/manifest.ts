import { type ObjectCatalogue, type ObjectEntry, parseS3Uri } from "../../../../objects/object-catalogue.ts";
import { InputDataError } from "../input-data.ts";

/** A manifest names its objects one by one; a larger one is not read into memory. */
const maxManifestBytes = 64 * 2 ** 20;

/** Objects looked up at the same time. */
const lookUps = 128;

/** One entry of a manifest: the text behind its prefix, and the object that it names. */
interface ManifestEntry {
  readonly name: string;
  readonly entry: ObjectEntry;
}

/**
 * The objects that a ManifestFile names, in its order.
 * @throws InputDataError naming the entry (counted as in the file, the prefix being the first) that is at fault.
 */
export async function manifestEntries(
  objects: ObjectCatalogue,
  uri: string,
  account: string,
): Promise<ManifestEntry[]> {
  const { prefix, names } = parseManifest(await readManifest(objects, uri, account), uri);
  const at = parseS3Uri(prefix);
  if (!at) throw new InputDataError(`The manifest ${uri} begins with the prefix ${prefix}, which is not an S3 URI.`);
  if (!(await objects.hasBucket(at.bucket, account))) {
    throw new InputDataError(`The manifest ${uri} names the bucket ${at.bucket}, which does not exist.`);
  }
  return inBatches(names, async (name, i) => {
    const entry = await objects.head(at.bucket, at.key + name);
    if (entry) return { name, entry };
    throw new InputDataError(`Entry ${i + 2} of the manifest ${uri} names ${prefix}${name}, which does not exist.`);
  });
}

/** Maps with a bounded number of calls under way; the earliest failure of a batch is the one that is told. */
export async function inBatches<Item, Result>(
  items: readonly Item[],
  map: (item: Item, index: number) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  for (let at = 0; at < items.length; at += lookUps) {
    const batch = await Promise.allSettled(items.slice(at, at + lookUps).map((item, i) => map(item, at + i)));
    for (const settled of batch) {
      if (settled.status === "rejected") throw settled.reason;
      results.push(settled.value);
    }
  }
  return results;
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
  if (typeof prefix !== "string" || names.length === 0) {
    throw new InputDataError(`The manifest ${uri} must be a list of {"prefix": "s3://..."} and the objects' names.`);
  }
  const bad = names.findIndex((name) => typeof name !== "string");
  if (bad >= 0) {
    throw new InputDataError(
      `Entry ${bad + 2} of the manifest ${uri} must be a text, got ${JSON.stringify(names[bad])}.`,
    );
  }
  return { prefix, names: names as string[] };
}

/** The text of a manifest. @throws InputDataError when it is not there, is another account's, or is too large. */
export async function readManifest(objects: ObjectCatalogue, uri: string, account: string): Promise<string> {
  const at = parseS3Uri(uri);
  const isOurs = at !== undefined && (await objects.hasBucket(at.bucket, account));
  const entry = isOurs ? await objects.head(at.bucket, at.key) : undefined;
  if (!entry) throw new InputDataError(`The manifest ${uri} does not exist.`);
  if (entry.sizeBytes > maxManifestBytes) {
    throw new InputDataError(`The manifest ${uri} has ${entry.sizeBytes} bytes; at most ${maxManifestBytes} are read.`);
  }
  const chunks: Buffer[] = [];
  for await (const chunk of await objects.read(entry.bucket, entry.key)) chunks.push(chunk as Buffer);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(chunks));
  } catch {
    throw new InputDataError(`The manifest ${uri} is not UTF-8 text.`);
  }
}
