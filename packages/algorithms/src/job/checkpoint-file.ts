import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { writeWhole } from "./write-whole.ts";

type Numbers = Float32Array | Float64Array | Int32Array | Uint32Array;

/** What a checkpoint holds: a state that is JSON, and arrays of numbers. */
interface Checkpoint<S> {
  readonly state: S;
  readonly arrays: readonly Uint8Array[];
}

interface Head<S> {
  readonly magic: string;
  readonly print: string;
  readonly state: S;
  /** Length of each array in bytes. */
  readonly bytes: readonly number[];
}

const MAGIC = "sagebrush-checkpoint-1";

/** Identifies what a checkpoint belongs to: another configuration or other data must not go on from it. */
export function fingerprint(parts: readonly unknown[]): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex");
}

/** The checkpoint of an algorithm in `/opt/ml/checkpoints`: one file, `ALGORITHM.checkpoint`. */
export class CheckpointFile<S> {
  readonly #directory: string;
  readonly #name: string;
  readonly #print: string;

  /** @param print - Fingerprint of all that must be the same for training to go on. */
  constructor(directory: string, algorithm: string, print: string) {
    this.#directory = directory;
    this.#name = `${algorithm}.checkpoint`;
    this.#print = print;
  }

  /** Writes the checkpoint, visible whole or not at all, and durable before it replaces the last one. */
  async save(state: S, arrays: readonly Numbers[]): Promise<void> {
    const bytes = arrays.map((array) => array.byteLength);
    const head: Head<S> = { magic: MAGIC, print: this.#print, state, bytes };
    await writeWhole(this.#directory, this.#name, [
      `${JSON.stringify(head)}\n`,
      ...arrays.map(({ buffer, byteOffset, byteLength }) => new Uint8Array(buffer, byteOffset, byteLength)),
    ]);
  }

  /** @returns undefined when there is none that training could go on from: none at all, another's, a damaged one. */
  async restore(): Promise<Checkpoint<S> | undefined> {
    const content = await readFile(join(this.#directory, this.#name)).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return undefined;
      throw error;
    });
    if (content === undefined) return undefined;
    const line = content.indexOf(0x0a);
    const head = readHead<S>(content.toString("utf8", 0, Math.max(line, 0)));
    if (head === undefined || head.print !== this.#print) return undefined;
    let at = line + 1;
    const arrays = head.bytes.map((length) => content.subarray(at, (at += length)));
    return at === content.length ? { state: head.state, arrays } : undefined;
  }
}

/** Puts an array of a checkpoint back where it was. */
export function restoreInto(target: Numbers, bytes: Uint8Array): void {
  new Uint8Array(target.buffer, target.byteOffset, target.byteLength).set(bytes);
}

function readHead<S>(text: string): Head<S> | undefined {
  try {
    const head = JSON.parse(text) as Partial<Head<S>>;
    return head.magic === MAGIC ? (head as Head<S>) : undefined;
  } catch {
    return undefined; // not a checkpoint of ours: training starts from the beginning
  }
}
