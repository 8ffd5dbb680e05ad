import { createWriteStream } from "node:fs";
import { mkdir, utimes } from "node:fs/promises";
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

/** Where files are: on the host, inside the run's folder, and in S3. */
interface SyncPlace {
  readonly bucket: string;
  /** With its slash. */
  readonly prefix: string;
  readonly segments: readonly string[];
}

function place(spec: TrainingJobSpec): SyncPlace | undefined {
  const path = checkpointPath(spec);
  return path === undefined || !spec.CheckpointConfig ? undefined : syncPlace(path, spec.CheckpointConfig.S3Uri);
}

/** The place of a folder below /opt/ml that S3 has a copy of. */
export function syncPlace(path: string, s3Uri: string): SyncPlace | undefined {
  const at = parseS3Uri(s3Uri);
  if (!at) return undefined;
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
    const file = join(folder, path);
    await pipeline(await objects.read(entry.bucket, entry.key), createWriteStream(file));
    // Older than anything that a run writes: another host's copy of this must not pass for news.
    await utimes(file, entry.modifiedAt / 1000, entry.modifiedAt / 1000);
  }
}

/** The files of one host's folder by path, and what tells two versions of one apart. */
type Files = ReadonlyMap<string, { readonly version: string; readonly modifiedAt: number }>;

/**
 * Keeps the checkpoints of a job in S3 as they are in its hosts' folders. All hosts have one place in S3: where several
 * have a file of the same name, the one that was written last counts, and what one of them deletes is deleted. What was
 * uploaded is remembered in memory only: after a restart of the server everything is uploaded once more, which changes
 * nothing.
 */
export class CheckpointSync {
  readonly #objects: ObjectCatalogue;
  readonly #mlDirectories: readonly string[];
  readonly #place: SyncPlace | undefined;
  /** The version of each file that is in S3. */
  readonly #uploaded = new Map<string, string>();
  /** What each host had at the last look. */
  #had: readonly Files[] = [];
  /** By host and path: copies of files that another host deleted. While they stay as they are, they are not uploaded. */
  readonly #left = new Map<string, string>();

  /** @param at - Another folder than that of the job's checkpoints. */
  constructor(
    objects: ObjectCatalogue,
    mlDirectories: readonly string[],
    spec: TrainingJobSpec,
    at: SyncPlace | undefined = place(spec),
  ) {
    this.#objects = objects;
    this.#mlDirectories = mlDirectories;
    this.#place = at;
  }

  /**
   * Uploads new and changed files and deletes from S3 what was deleted from a folder since.
   * @param final - The runs have ended: take also what changed just now.
   */
  async sync(final: boolean): Promise<void> {
    const at = this.#place;
    if (!at) return;
    const has: Files[] = [];
    for (const root of this.#mlDirectories) has.push(await filesOf(root, at.segments));
    for (const path of deletedSince(this.#had, has)) {
      for (const [host, files] of has.entries()) {
        const copy = files.get(path);
        if (copy && this.#had[host]?.get(path)?.version === copy.version) {
          this.#left.set(`${host} ${path}`, copy.version);
        }
      }
    }
    this.#had = has;
    const winners = newest(has, (host, path, version) => this.#left.get(`${host} ${path}`) === version);
    for (const [host, root] of this.#mlDirectories.entries()) {
      for await (const file of walkTree(root, at.segments)) {
        const version = versionOf(file);
        if (winners.get(file.path) !== host || this.#uploaded.get(file.path) === version) continue;
        if (!final && Date.now() - file.modifiedAt < settleMs) continue;
        await putFile(this.#objects, at.bucket, `${at.prefix}${file.path}`, file);
        this.#uploaded.set(file.path, version);
      }
    }
    for (const path of this.#uploaded.keys()) {
      if (winners.has(path)) continue;
      await this.#objects.remove(at.bucket, `${at.prefix}${path}`);
      this.#uploaded.delete(path);
    }
  }
}

async function filesOf(root: string, segments: readonly string[]): Promise<Files> {
  const files = new Map<string, { version: string; modifiedAt: number }>();
  for await (const file of walkTree(root, segments)) {
    files.set(file.path, { version: versionOf(file), modifiedAt: file.modifiedAt });
  }
  return files;
}

function versionOf({ sizeBytes, modifiedAt }: { sizeBytes: number; modifiedAt: number }): string {
  return `${sizeBytes} ${modifiedAt}`;
}

/** The paths that a host had before and has no more. */
function deletedSince(before: readonly Files[], now: readonly Files[]): Set<string> {
  return new Set(before.flatMap((files, host) => [...files.keys()].filter((path) => !now[host]?.has(path))));
}

/** The host whose version of each file was written last, of those that count. */
function newest(
  has: readonly Files[],
  isLeft: (host: number, path: string, version: string) => boolean,
): Map<string, number> {
  const winners = new Map<string, number>();
  for (const [host, files] of has.entries()) {
    for (const [path, { version, modifiedAt }] of files) {
      if (isLeft(host, path, version)) continue;
      const best = winners.get(path);
      if (best === undefined || modifiedAt >= (has[best]?.get(path)?.modifiedAt ?? 0)) winners.set(path, host);
    }
  }
  return winners;
}
