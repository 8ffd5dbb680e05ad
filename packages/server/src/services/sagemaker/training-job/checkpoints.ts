import { createWriteStream } from "node:fs";
import { mkdir } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { pipeline } from "node:stream/promises";
import { type ObjectCatalogue, parseS3Uri } from "../../../objects/object-catalogue.ts";
import { walkTree } from "../artifacts/safe-tree.ts";
import { putFile } from "../artifacts/upload-artifacts.ts";
import { checkpointPath } from "./config-files.ts";
import { channelObjects } from "./input-data.ts";
import type { TrainingJobSpec } from "./training-job.ts";

/** A file that changed this recently is probably still being written: the next round takes it. */
const settleMs = 1_000;

/** Where checkpoints are: on the host, inside the run's folder, and in S3. */
function place(spec: TrainingJobSpec) {
  const path = checkpointPath(spec);
  const at = spec.CheckpointConfig && parseS3Uri(spec.CheckpointConfig.S3Uri);
  if (path === undefined || !at) return undefined;
  const prefix = at.key === "" || at.key.endsWith("/") ? at.key : `${at.key}/`;
  return { bucket: at.bucket, prefix, segments: relative("/opt/ml", path).split("/") };
}

/** Copies everything under the checkpoints' S3 URI into the folder. The run may change its copies. */
export async function downloadCheckpoints(
  objects: ObjectCatalogue,
  mlDirectory: string,
  spec: TrainingJobSpec,
): Promise<void> {
  const to = place(spec);
  if (!to) return;
  const folder = join(mlDirectory, ...to.segments);
  await mkdir(folder, { recursive: true });
  for (const { path, entry } of await channelObjects(objects, `s3://${to.bucket}/${to.prefix}`)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await pipeline(await objects.read(entry.bucket, entry.key), createWriteStream(join(folder, path)));
  }
}

/**
 * Keeps the checkpoints of one run in S3 as they are in its folder. What was uploaded is remembered in memory only:
 * after a restart of the server everything is uploaded once more, which changes nothing.
 */
export class CheckpointSync {
  readonly #objects: ObjectCatalogue;
  readonly #mlDirectory: string;
  readonly #spec: TrainingJobSpec;
  /** Size and time of each file as it was uploaded. */
  readonly #uploaded = new Map<string, string>();

  constructor(objects: ObjectCatalogue, mlDirectory: string, spec: TrainingJobSpec) {
    this.#objects = objects;
    this.#mlDirectory = mlDirectory;
    this.#spec = spec;
  }

  /**
   * Uploads new and changed files and deletes from S3 what was deleted from the folder since.
   * @param final - The run has ended: take also what changed just now.
   */
  async sync(final: boolean): Promise<void> {
    const at = place(this.#spec);
    if (!at) return;
    const seen = new Set<string>();
    for await (const file of walkTree(this.#mlDirectory, at.segments)) {
      seen.add(file.path);
      const state = `${file.sizeBytes} ${file.modifiedAt}`;
      if (this.#uploaded.get(file.path) === state) continue;
      if (!final && Date.now() - file.modifiedAt < settleMs) continue;
      await putFile(this.#objects, at.bucket, `${at.prefix}${file.path}`, file);
      this.#uploaded.set(file.path, state);
    }
    for (const path of this.#uploaded.keys()) {
      if (seen.has(path)) continue;
      await this.#objects.remove(at.bucket, `${at.prefix}${path}`);
      this.#uploaded.delete(path);
    }
  }
}
