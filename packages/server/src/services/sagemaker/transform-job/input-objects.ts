import type { InputObject } from "../../../batch/run/input-list.ts";
import { invariant } from "../../../errors.ts";
import { type ObjectCatalogue, parseS3Uri } from "../../../objects/object-catalogue.ts";
import { manifestEntries } from "../training-job/input/manifest.ts";
import { InputDataError } from "../training-job/input-data.ts";
import { maxKeyBytes, outputPlace } from "./output-place.ts";
import type { TransformJobSpec } from "./transform-job.ts";

/**
 * The objects that a job transforms, in the order of their keys or of the manifest. Empty ones are left out: folder markers,
 * and files without a record.
 * @throws InputDataError for a manifest that is at fault, and for names that no output can have.
 */
export async function inputObjects(
  objects: ObjectCatalogue,
  spec: TransformJobSpec,
  account: string,
): Promise<InputObject[]> {
  const { S3DataType: type, S3Uri: uri } = sourceOf(spec);
  const found =
    type === "ManifestFile" ? await ofManifest(objects, uri, account) : await ofPrefix(objects, uri, account);
  const { prefix } = outputPlace(spec);
  const seen = new Set<string>();
  for (const { bucket, key, name } of found) {
    if (seen.has(name)) {
      throw new InputDataError(
        `Two objects of the input would have the output ${prefix}${name}.out; one is s3://${bucket}/${key}.`,
      );
    }
    seen.add(name);
    if (Buffer.byteLength(`${prefix}${name}.out`) <= maxKeyBytes) continue;
    throw new InputDataError(`The output of s3://${bucket}/${key} would have a key of more than ${maxKeyBytes} bytes.`);
  }
  return found;
}

async function ofManifest(objects: ObjectCatalogue, uri: string, account: string): Promise<InputObject[]> {
  const entries = await manifestEntries(objects, uri, account);
  return entries
    .filter(({ entry }) => entry.sizeBytes > 0)
    .map(({ name, entry: { bucket, key } }) => ({ bucket, key, name: name.replace(/^\/+/, "") }));
}

async function ofPrefix(objects: ObjectCatalogue, uri: string, account: string): Promise<InputObject[]> {
  const at = parseS3Uri(uri);
  if (!at || !(await objects.hasBucket(at.bucket, account))) return [];
  // What stands before the prefix's last slash is not part of outputs' names, so that a URI of one object gives its own name.
  const strip = at.key.lastIndexOf("/") + 1;
  const found: InputObject[] = [];
  for await (const { bucket, key, sizeBytes } of objects.list(at.bucket, at.key)) {
    if (sizeBytes > 0) found.push({ bucket, key, name: key.slice(strip) });
  }
  return found;
}

/** Whether there is anything to transform, as far as one look tells: a manifest is read when the job begins. */
export async function hasInputObjects(
  objects: ObjectCatalogue,
  spec: TransformJobSpec,
  account: string,
): Promise<boolean> {
  const { S3DataType: type, S3Uri: uri } = sourceOf(spec);
  const at = parseS3Uri(uri);
  if (!at || !(await objects.hasBucket(at.bucket, account))) return false;
  if (type === "ManifestFile") return (await objects.head(at.bucket, at.key)) !== undefined;
  for await (const _ of objects.list(at.bucket, at.key)) return true;
  return false;
}

function sourceOf({ TransformInput: input }: TransformJobSpec) {
  const source = input?.DataSource?.S3DataSource;
  invariant(source, "CreateTransformJob refused requests without an S3 source");
  return source;
}
