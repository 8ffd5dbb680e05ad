import { type ObjectCatalogue, parseS3Uri } from "../../../../objects/object-catalogue.ts";
import { InputDataError } from "../input-data.ts";
import { inBatches, readManifest } from "./manifest.ts";
import type { StreamSegment, StreamUnit } from "./stream-unit.ts";

/** The service's name for an attribute that names an object instead of being the value. */
const referenceSuffix = "-ref";

/**
 * The lines of an AugmentedManifestFile, each as the values of the wanted attributes in the order of `attributes`. A `-ref`
 * attribute becomes the object that it names, any other one the text of its value.
 * @throws InputDataError naming the line that is at fault.
 */
export async function augmentedManifestLines(
  objects: ObjectCatalogue,
  uri: string,
  attributes: readonly string[],
  account: string,
): Promise<StreamUnit[]> {
  const text = await readManifest(objects, uri, account);
  const numbered = text.split("\n").flatMap((line, i) => (line.trim() === "" ? [] : [{ line, number: i + 1 }]));
  if (numbered.length === 0) throw new InputDataError(`The manifest ${uri} has no lines.`);
  const buckets = new Map<string, Promise<boolean>>();
  const hasBucket = (bucket: string) => {
    const known = buckets.get(bucket) ?? objects.hasBucket(bucket, account);
    buckets.set(bucket, known);
    return known;
  };
  return inBatches(numbered, async ({ line, number }) => {
    const where = `Line ${number} of the manifest ${uri}`;
    const values = parseLine(line, where);
    const unit: StreamSegment[] = [];
    for (const name of attributes) {
      if (!Object.hasOwn(values, name)) throw new InputDataError(`${where} has no attribute "${name}".`);
      const value = values[name];
      if (!name.endsWith(referenceSuffix)) {
        unit.push({ text: typeof value === "string" ? value : JSON.stringify(value) });
        continue;
      }
      const at = typeof value === "string" ? parseS3Uri(value) : undefined;
      if (!at) throw new InputDataError(`${where}: "${name}" must be an S3 URI, got ${JSON.stringify(value)}.`);
      const entry = (await hasBucket(at.bucket)) ? await objects.head(at.bucket, at.key) : undefined;
      if (!entry) throw new InputDataError(`${where}: "${name}" names ${value as string}, which does not exist.`);
      unit.push({ entry });
    }
    return unit;
  });
}

/** Numbers keep the digits that the line has: 1.0 stays 1.0. */
const exactNumbers = JSON as typeof JSON & { rawJSON(text: string): unknown };

function parseLine(line: string, where: string): Readonly<Record<string, unknown>> {
  let parsed: unknown;
  try {
    const keepDigits = (_key: string, value: unknown, context?: { readonly source?: string }) =>
      typeof value === "number" && context?.source !== undefined ? exactNumbers.rawJSON(context.source) : value;
    parsed = JSON.parse(line, keepDigits);
  } catch (error) {
    throw new InputDataError(`${where} is not JSON: ${(error as Error).message}`);
  }
  if (typeof parsed === "object" && parsed !== null && !Array.isArray(parsed) && !isRawNumber(parsed)) {
    return parsed as Readonly<Record<string, unknown>>;
  }
  throw new InputDataError(`${where} must be a JSON object.`);
}

/** A raw number is an object of its own kind, without a prototype. */
function isRawNumber(value: object): boolean {
  return Object.getPrototypeOf(value) === null;
}
