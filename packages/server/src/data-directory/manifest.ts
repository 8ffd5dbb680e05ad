import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { DataDirectoryError } from "./errors.ts";

/** One file of a backup. */
export interface BackedUpFile {
  /** Relative to the data directory, with `/`. */
  readonly path: string;
  readonly sizeBytes: number;
  /** Hexadecimal. */
  readonly sha256: string;
  /** Permission bits. */
  readonly mode: number;
}

/** First line of a manifest. */
export interface ManifestHead {
  readonly backup: 1;
  readonly format: number;
  readonly createdAt: string;
}

/** Last line of a manifest: without it the backup is not whole. */
export interface ManifestEnd {
  readonly files: number;
  readonly sizeBytes: number;
}

/** Name of the manifest in a backup: one JSON object a line (head, files, end), since there may be millions. */
export const manifestFile = "manifest.jsonl";

/**
 * Reads a manifest file by file.
 * @throws DataDirectoryError when it is not one, or has no end.
 */
export async function* readManifest(path: string, onHead: (head: ManifestHead) => void): AsyncGenerator<BackedUpFile> {
  let count = -1;
  let isWhole = false;
  const lines = createInterface({ input: createReadStream(path), crlfDelay: Number.POSITIVE_INFINITY });
  for await (const line of lines) {
    const entry = JSON.parse(line) as ManifestHead | BackedUpFile | ManifestEnd;
    count++;
    if (count === 0) {
      if (!("backup" in entry) || entry.backup !== 1) {
        throw new DataDirectoryError(`${path} is not the manifest of a backup that this version reads.`);
      }
      onHead(entry);
    } else if ("path" in entry) {
      yield entry;
    } else if ("files" in entry) {
      isWhole = entry.files === count - 1;
    }
  }
  if (!isWhole) throw new DataDirectoryError(`${path} ends early: the backup is not whole.`);
}
