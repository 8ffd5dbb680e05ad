import { pipeline, Readable } from "node:stream";
import { createGzip } from "node:zlib";
import type { ObjectCatalogue } from "../../../objects/object-catalogue.ts";
import { type MergedTree, walkMerged } from "./merged-tree.ts";
import type { TreeFile } from "./safe-tree.ts";
import { tarStream } from "./tar.ts";

/** One folder that a job's hosts left behind, each below its /opt/ml, and where it goes. */
export interface ArtifactUpload extends MergedTree {
  readonly objects: ObjectCatalogue;
  readonly bucket: string;
}

/**
 * The level trades little size for much time: weights are close to random bytes, and on them level 6 is five times
 * slower than level 1 for a percent.
 */
const gzipLevel = 1;

/**
 * Packs a folder into one `.tar.gz` object whose members are relative to the folder. Links and special files stay out.
 * @param keepEmpty - Whether an empty folder gives an (empty) archive rather than none.
 * @returns Whether there is an object now.
 */
export async function uploadArchive(upload: ArtifactUpload, key: string, keepEmpty: boolean): Promise<boolean> {
  const files = walkMerged(upload);
  const gzip = createGzip({ level: gzipLevel });
  try {
    const first = await files.next();
    if (first.done && !keepEmpty) return false;
    // A failing source destroys `gzip` with the same error, which the reader of `gzip` then sees.
    pipeline(Readable.from(tarStream(startingWith(first, files)), { objectMode: false }), gzip, () => {});
    await upload.objects.put(upload.bucket, key, gzip, { contentType: "application/x-tar" });
    return true;
  } finally {
    gzip.destroy();
    // The walk holds open folders; where nobody read the stream to its end, it still stands in them.
    await files.return(undefined);
  }
}

/**
 * Uploads each file of a folder as an object of its own below `prefix`.
 * @returns Whether there was any.
 */
export async function uploadFiles(upload: ArtifactUpload, prefix: string): Promise<boolean> {
  let any = false;
  for await (const file of walkMerged(upload)) {
    any = true;
    await putFile(upload.objects, upload.bucket, `${prefix}${file.path}`, file);
  }
  return any;
}

/** Uploads the file that a walk stands on. */
export async function putFile(objects: ObjectCatalogue, bucket: string, key: string, file: TreeFile): Promise<void> {
  const handle = await file.open();
  // `end` is inclusive, so an empty file needs a stream of its own; the size is that of the first look, so that a file
  // which grows meanwhile ends somewhere.
  const body =
    file.sizeBytes === 0 ? Readable.from([]) : handle.createReadStream({ start: 0, end: file.sizeBytes - 1 });
  try {
    await objects.put(bucket, key, body);
  } finally {
    body.destroy();
    await handle.close();
  }
}

/** Puts back what was taken off the front of a walk. */
async function* startingWith(
  first: IteratorResult<TreeFile, void>,
  rest: AsyncGenerator<TreeFile>,
): AsyncGenerator<TreeFile> {
  if (first.done) return;
  yield first.value;
  yield* rest;
}
