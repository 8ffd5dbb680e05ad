import { Readable } from "node:stream";
import type { TransformOutcome } from "../../../batch/run/transform-run.ts";
import { type ObjectCatalogue, parseS3Uri } from "../../../objects/object-catalogue.ts";
import { outputPlace } from "./output-place.ts";
import type { TransformJob } from "./transform-job.ts";

/**
 * Writes what DataCaptureConfig asks for: manifests of the objects that have an output, and of those outputs. Repeating it
 * writes the same objects again.
 * @param at - When the job ended, milliseconds since 1970.
 */
export async function captureData(
  objects: Pick<ObjectCatalogue, "put">,
  { spec }: TransformJob,
  outcome: TransformOutcome & { kind: "done" },
  at: number,
): Promise<void> {
  const { DataCaptureConfig: capture } = spec;
  const to = parseS3Uri(capture?.DestinationS3Uri ?? "");
  const good = outcome.results.filter(({ failure }) => failure === undefined).map(({ index }) => index);
  const captured = good.sort((a, b) => a - b).flatMap((index) => outcome.objects[index] ?? []);
  const [first] = captured;
  if (!to || first === undefined) return;
  const output = outputPlace(spec);
  const hour = new Date(at).toISOString().slice(0, 13).replace("T", "/").replaceAll("-", "/");
  const base = to.key.replace(/\/+$/, "");
  const encryption = capture?.KmsKeyId
    ? { encryption: { algorithm: "aws:kms", keyId: capture.KmsKeyId } as const }
    : {};
  const write = async (kind: string, prefix: string, names: readonly string[]): Promise<void> => {
    const key = `${base === "" ? "" : `${base}/`}${kind}/${hour}/${spec.TransformJobName}.json`;
    const manifest = Readable.from([Buffer.from(JSON.stringify([{ prefix }, ...names]))]);
    await objects.put(to.bucket, key, manifest, { contentType: "application/json", ...encryption });
  };
  const common = commonFolder(captured.map(({ key }) => key));
  await write(
    "input",
    `s3://${first.bucket}/${common}`,
    captured.map(({ key }) => key.slice(common.length)),
  );
  await write(
    "output",
    `s3://${output.bucket}/${output.prefix}`,
    captured.map(({ name }) => `${name}.out`),
  );
}

/** What all keys begin with, up to a slash. */
function commonFolder(keys: readonly string[]): string {
  let common = keys[0] ?? "";
  for (const key of keys) while (!key.startsWith(common)) common = common.slice(0, -1);
  return common.slice(0, common.lastIndexOf("/") + 1);
}
