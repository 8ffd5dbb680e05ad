import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { RunId } from "../engine.ts";
import { runIdForm } from "../run-id.ts";

/** Which run a spare has become, on disk: a new server finds its runs by it. */
export class Adoptions {
  readonly #directory: string;
  readonly #spares = new Map<RunId, RunId>();
  readonly #runs = new Map<RunId, RunId>();

  private constructor(directory: string) {
    this.#directory = directory;
  }

  static async open(directory: string): Promise<Adoptions> {
    const adoptions = new Adoptions(directory);
    await mkdir(directory, { recursive: true, mode: 0o700 });
    for (const run of await readdir(directory)) {
      if (!runIdForm.test(run)) continue;
      adoptions.#remember(run, (await readFile(join(directory, run), "utf8")).trim());
    }
    return adoptions;
  }

  /** The engine's name of a run: its spare's, where it was one. */
  engineId(run: RunId): RunId {
    return this.#spares.get(run) ?? run;
  }

  /** The run that a spare has become, if any. */
  runOf(spare: RunId): RunId | undefined {
    return this.#runs.get(spare);
  }

  has(run: RunId): boolean {
    return this.#spares.has(run);
  }

  async add(run: RunId, spare: RunId): Promise<void> {
    const file = join(this.#directory, run);
    await writeFile(`${file}.new`, spare, { mode: 0o600 });
    await rename(`${file}.new`, file);
    this.#remember(run, spare);
  }

  async drop(run: RunId): Promise<void> {
    const spare = this.#spares.get(run);
    if (spare === undefined) return;
    await rm(join(this.#directory, run), { force: true });
    this.#spares.delete(run);
    this.#runs.delete(spare);
  }

  #remember(run: RunId, spare: RunId): void {
    this.#spares.set(run, spare);
    this.#runs.set(spare, run);
  }
}
