import { access, mkdir, open, readdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { removeTree } from "../../remove-tree.ts";
import { readSmallFile } from "../../small-file.ts";
import type { RunId, RunState } from "../engine.ts";

/** What must be known of a run besides its container. */
export interface RunNotes {
  readonly logFile: string;
  readonly maxLogBytes: number;
  /** First word of its command. */
  readonly program: string;
  /** Folder of its caller's for what it writes, when it has one. */
  readonly scratch?: string;
  /** The engine's name of its network. */
  readonly network?: string;
  /** Where it answers, when it serves on a socket. */
  readonly socket?: string;
  /** The port inside on which it serves. */
  readonly port?: number;
}

/** How a run ended. */
export type RunEnd = Extract<RunState, { phase: "exited" | "lost" }>;

/** What an engine of containers keeps on disk for each run, so that a restarted server goes on where it was. */
export class RunFiles {
  readonly #runs: string;

  /** @param runs - Folder of the runs' folders. */
  constructor(runs: string) {
    this.#runs = runs;
  }

  /** The run's own folder. */
  folder(id: RunId): string {
    return join(this.#runs, id);
  }

  /** File of how far its log was copied. */
  position(id: RunId): string {
    return join(this.#runs, id, "log-position.json");
  }

  /** Folder below which its channels are laid out. */
  channels(id: RunId): string {
    return join(this.#runs, id, "channels");
  }

  list(): Promise<RunId[]> {
    return readdir(this.#runs);
  }

  exist(id: RunId): Promise<boolean> {
    return access(this.folder(id)).then(
      () => true,
      () => false,
    );
  }

  async begin(id: RunId, notes: RunNotes): Promise<void> {
    await mkdir(this.folder(id), { recursive: true, mode: 0o700 });
    await this.#write(id, "notes.json", notes);
  }

  notes(id: RunId): Promise<RunNotes | undefined> {
    return this.#read(id, "notes.json");
  }

  /** Notes that its container was started: if there is none later, somebody removed it. */
  markStarted(id: RunId): Promise<void> {
    return this.#write(id, "started.json", true);
  }

  async wasStarted(id: RunId): Promise<boolean> {
    return (await this.#read(id, "started.json")) !== undefined;
  }

  /** Keeps how it ended, durably: engines forget ended containers when somebody prunes them. */
  markEnded(id: RunId, end: RunEnd): Promise<void> {
    return this.#write(id, "end.json", end, true);
  }

  end(id: RunId): Promise<RunEnd | undefined> {
    return this.#read(id, "end.json");
  }

  /** Keeps when it is to be killed, in milliseconds since 1970. */
  markStop(id: RunId, at: number): Promise<void> {
    return this.#write(id, "stop.json", at);
  }

  stopAt(id: RunId): Promise<number | undefined> {
    return this.#read(id, "stop.json");
  }

  remove(id: RunId): Promise<void> {
    return removeTree(this.folder(id));
  }

  async #read<T>(id: RunId, name: string): Promise<T | undefined> {
    const text = readSmallFile(join(this.folder(id), name));
    return text === undefined ? undefined : (JSON.parse(text) as T);
  }

  /** Readers see the old text or the new one. */
  async #write(id: RunId, name: string, value: unknown, durable = false): Promise<void> {
    const path = join(this.folder(id), name);
    await writeFile(`${path}.new`, JSON.stringify(value), { mode: 0o600, flush: durable });
    await rename(`${path}.new`, path);
    if (!durable) return;
    const folder = await open(this.folder(id), "r");
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  }
}
