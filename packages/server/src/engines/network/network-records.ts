import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { RunId } from "../engine.ts";
import type { Subnet } from "./subnets.ts";

/** What is kept about a network: enough to find and to remove everything of it. */
export interface NetworkRecord {
  readonly subnet: Subnet;
  readonly bridge: string;
  readonly hosts: readonly string[];
  readonly internet: boolean;
  readonly encrypted?: boolean;
  /** The boot during which the bridge was made, once it is. */
  readonly ready?: string;
}

/** A run's place on a network. */
export interface Place {
  readonly id: RunId;
  /** Index of its host among the network's. */
  readonly position: number;
  /** The boot during which its namespace was made, once it is. */
  readonly ready: string | undefined;
}

/**
 * An engine's networks on disk: `NAME/network.json`, and `NAME/runs/ID` for each of its runs. Both are written before
 * anything is made and removed after it is gone, so whatever a killed server leaves is found.
 */
export class NetworkRecords {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  async names(): Promise<string[]> {
    return (await listed(this.#root)).sort();
  }

  /** Reads a network's record, if there is a whole one. */
  async read(name: string): Promise<NetworkRecord | undefined> {
    try {
      return JSON.parse(await readFile(join(this.#root, name, "network.json"), "utf8")) as NetworkRecord;
    } catch (error) {
      if (isMissing(error) || error instanceof SyntaxError) return undefined;
      throw error;
    }
  }

  async write(name: string, record: NetworkRecord): Promise<void> {
    const file = join(this.#root, name, "network.json");
    await mkdir(join(this.#root, name), { recursive: true, mode: 0o700 });
    await writeFile(`${file}.new`, JSON.stringify(record), { mode: 0o600 });
    await rename(`${file}.new`, file);
  }

  async places(name: string): Promise<Place[]> {
    const places: Place[] = [];
    for (const id of await listed(join(this.#root, name, "runs"))) {
      const text = await readFile(join(this.#root, name, "runs", id), "utf8");
      const [position, ready] = text.split(" ");
      places.push({ id, position: Number(position), ready: ready || undefined });
    }
    return places;
  }

  async setPlace(name: string, { id, position, ready }: Place): Promise<void> {
    const folder = join(this.#root, name, "runs");
    await mkdir(folder, { recursive: true, mode: 0o700 });
    // Too short to be written in part.
    await writeFile(join(folder, id), `${position} ${ready ?? ""}`, { mode: 0o600 });
  }

  /** Gives a place to another run. */
  async passPlace(name: string, from: RunId, to: RunId): Promise<void> {
    const folder = join(this.#root, name, "runs");
    await rename(join(folder, from), join(folder, to));
  }

  /** Gives a network another name, at once with all that is known of it. */
  async rename(from: string, to: string): Promise<void> {
    await rename(join(this.#root, from), join(this.#root, to));
  }

  async removePlace(name: string, id: RunId): Promise<void> {
    await rm(join(this.#root, name, "runs", id), { force: true });
  }

  /** Forgets a network without runs. */
  async remove(name: string): Promise<void> {
    await rm(join(this.#root, name), { recursive: true, force: true });
  }
}

async function listed(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === "ENOENT";
}
