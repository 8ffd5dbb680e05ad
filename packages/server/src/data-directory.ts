import { createHash } from "node:crypto";
import { join, resolve } from "node:path";

/** Where everything of one installation lives. Paths only; opening, locking and migrating is `data-directory/open.ts`. */
export interface DataDirectory {
  readonly root: string;
  /** SQLite database. */
  readonly database: string;
  /** SQLite database of the time series. */
  readonly metrics: string;
  /** Object bytes. */
  readonly objects: string;
  /** One folder a run: `runs/<runId>/ml` is its /opt/ml. */
  readonly runs: string;
  /** One file a log stream. */
  readonly logs: string;
  /** Extracted models that endpoints share. */
  readonly models: string;
  /** Python environments of framework images. */
  readonly environments: string;
  /** Unpacked layers of container images. */
  readonly images: string;
  /** The engine's own state (supervisors, sockets). */
  readonly engine: string;
  readonly credentials: string;
  readonly temporary: string;
  /**
   * Not in the data directory: a folder of a memory file system for what may not touch a disk in clear, made when it is
   * needed. Absent where the system has none.
   */
  readonly memory?: string;
}

/** Where Linux has a file system in memory that every user may write to. */
export const memoryFileSystem = "/dev/shm";

/** The paths of the data directory at `root`, whether it exists or not. */
export function dataDirectoryPaths(root: string): DataDirectory {
  const absolute = resolve(root);
  const name = createHash("sha256").update(absolute).digest("hex").slice(0, 16);
  return {
    root: absolute,
    database: join(absolute, "records.db"),
    metrics: join(absolute, "metrics.db"),
    objects: join(absolute, "objects"),
    runs: join(absolute, "runs"),
    logs: join(absolute, "logs"),
    models: join(absolute, "models"),
    environments: join(absolute, "environments"),
    images: join(absolute, "images"),
    engine: join(absolute, "engine"),
    credentials: join(absolute, "credentials.json"),
    temporary: join(absolute, "tmp"),
    ...(process.platform === "linux" && { memory: join(memoryFileSystem, `sagebrush-${name}`) }),
  };
}
