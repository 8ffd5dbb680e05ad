import type { Channel } from "../../engines/engine.ts";
import type { PreparedImage } from "../../images/image.ts";
import { type ObjectCatalogue, parseS3Uri } from "../../objects/object-catalogue.ts";

/** Where the toolkit of framework images looks for the code before it asks S3; `places.py` has the same path. */
const target = "/opt/ml/sagebrush/code";

/** Whose code is looked for. */
interface CodeRequest {
  readonly image: PreparedImage;
  /** Account that must own the bucket. */
  readonly account: string;
  /** Run that holds the file. */
  readonly runId: string;
  /** What the toolkit is told to fetch, as it is told. */
  readonly submitDirectory: string | undefined;
}

/**
 * The user's code as a read-only folder, when the platform itself has the object: the run then needs no network and no
 * credentials for it, and starts sooner. The toolkit is told the S3 address all the same.
 */
export async function stagedCode(objects: ObjectCatalogue, request: CodeRequest): Promise<Channel[]> {
  const { image, account, runId, submitDirectory } = request;
  // Another image's toolkit would not look there.
  if (image.root.kind !== "host-tools" || submitDirectory === undefined) return [];
  const location = parseS3Uri(plainText(submitDirectory));
  if (!location || location.key === "" || !(await objects.hasBucket(location.bucket, account))) return [];
  const entry = await objects.head(location.bucket, location.key);
  const name = location.key.split("/").at(-1) as string;
  if (!entry || name === "" || name === "." || name === "..") return [];
  const source = await objects.file(entry, runId);
  return [{ target, files: [{ path: name, source, sizeBytes: entry.sizeBytes }], readOnly: true }];
}

/** SDK v2 sends its hyperparameters as JSON texts, others as they are. */
function plainText(value: string): string {
  try {
    const decoded: unknown = JSON.parse(value);
    return typeof decoded === "string" ? decoded : value;
  } catch {
    return value;
  }
}
