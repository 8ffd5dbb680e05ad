import { type FileHandle, open, readFile } from "node:fs/promises";

/** Whose fault it was that an object has no output. */
export type FailureKind = "client" | "algorithm";

/** What became of one object. */
export interface ObjectResult {
  /** Its number in the input list. */
  readonly index: number;
  /** Why there is no output; absent where there is. */
  readonly failure?: { readonly kind: FailureKind; readonly reason: string };
}

/**
 * Which objects of a job are done: one line each, appended and synced when its output is stored. A line that a crash cut short
 * does not count, and its object is done again.
 */
export class Journal {
  readonly results: ReadonlyMap<number, ObjectResult>;
  /** Whether another run wrote it before: outputs may be stored of which it does not tell yet. */
  readonly isContinued: boolean;
  readonly #results: Map<number, ObjectResult>;
  readonly #file: FileHandle;
  #writing: Promise<void> = Promise.resolve();

  private constructor(file: FileHandle, results: Map<number, ObjectResult>, isContinued: boolean) {
    this.#file = file;
    this.isContinued = isContinued;
    this.#results = results;
    this.results = results;
  }

  /** Opens a journal, and makes it where there is none. */
  static async open(path: string): Promise<Journal> {
    const found = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return undefined;
      throw error;
    });
    const text = found ?? "";
    const whole = text.slice(0, text.lastIndexOf("\n") + 1);
    const file = await open(path, "a", 0o600);
    await file.truncate(Buffer.byteLength(whole));
    const results = new Map<number, ObjectResult>();
    for (const line of whole.split("\n")) {
      if (line === "") continue;
      const result = JSON.parse(line) as ObjectResult;
      results.set(result.index, result);
    }
    return new Journal(file, results, found !== undefined);
  }

  /** Resolves when the result survives kill -9 and power loss. */
  add(result: ObjectResult): Promise<void> {
    this.#writing = this.#writing.then(async () => {
      await this.#file.appendFile(`${JSON.stringify(result)}\n`);
      await this.#file.datasync();
      this.#results.set(result.index, result);
    });
    return this.#writing;
  }

  async close(): Promise<void> {
    await this.#writing.catch(() => undefined);
    await this.#file.close();
  }
}
