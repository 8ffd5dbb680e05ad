import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { GpuUse } from "./gpus.ts";

/** A start of the program takes a good part of a second on large machines: whoever asks meanwhile gets the same answer. */
const freshMs = 1_000;
const limitMs = 10_000;
const query = ["--query-gpu=uuid,utilization.gpu,memory.used,memory.total", "--format=csv,noheader,nounits"];

/** NVIDIA's program that says what GPUs are doing. */
export class NvidiaSmi {
  readonly #program: string | undefined;
  #last: { readonly at: number; readonly use: Promise<ReadonlyMap<string, GpuUse>> } | undefined;

  /** @param program - Undefined where there is none: nothing is known then. */
  constructor(program: string | undefined) {
    this.#program = program;
  }

  /** @returns By the GPUs' names. */
  use(): Promise<ReadonlyMap<string, GpuUse>> {
    if (this.#program === undefined) return Promise.resolve(new Map());
    if (this.#last && Date.now() - this.#last.at < freshMs) return this.#last.use;
    const use = promisify(execFile)(this.#program, query, { timeout: limitMs }).then(({ stdout }) => parseUse(stdout));
    this.#last = { at: Date.now(), use };
    return use;
  }
}

/** Reads `UUID, PERCENT, MEBIBYTES, MEBIBYTES` lines. What a GPU cannot tell, `[N/A]`, counts as 0. */
export function parseUse(text: string): Map<string, GpuUse> {
  const uses = new Map<string, GpuUse>();
  for (const line of text.split("\n")) {
    const [uuid = "", ...fields] = line.split(",").map((field) => field.trim());
    if (!uuid.startsWith("GPU-")) continue;
    const [percent = 0, used = 0, total = 0] = fields.map((field) => Number(field) || 0);
    uses.set(uuid, { percent, memoryPercent: total > 0 ? (100 * used) / total : 0 });
  }
  return uses;
}
