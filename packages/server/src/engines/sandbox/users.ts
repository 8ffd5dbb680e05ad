import { createHash } from "node:crypto";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** First of the 2^29 user ids that runs are given: far above people, services and the usual subordinate ranges. */
const firstUid = 0x40000000;
const uidCount = 0x20000000;
/** Runs of container images are given this many ids each, from the ids above those. */
const rangeSize = 65_536;
const firstRange = firstUid + uidCount;
const rangeCount = 0x20000000 / rangeSize;
/** Entries of removed runs are forgotten when there are this many. */
const maxRemembered = 10_000;

/** Gives every run a user id of its own that no other run of this engine has. */
export class RunUsers {
  readonly #runs: string;
  #taken: Promise<Map<number, string>> | undefined;

  constructor(runs: string) {
    this.#runs = runs;
  }

  /** The run's user id: the same again for the same run, kept in its folder. */
  uidFor(id: string, folder: string): Promise<number> {
    return this.#give(
      id,
      folder,
      (hash) => firstUid + (hash % uidCount),
      (uid) => firstUid + ((uid + 1 - firstUid) % uidCount),
    );
  }

  /** The first of 65,536 ids that are the run's alone: what an image calls 0 and up. */
  rangeFor(id: string, folder: string): Promise<number> {
    const nth = (n: number): number => firstRange + (n % rangeCount) * rangeSize;
    return this.#give(id, folder, nth, (first) => nth((first - firstRange) / rangeSize + 1));
  }

  async #give(
    id: string,
    folder: string,
    first: (hash: number) => number,
    next: (taken: number) => number,
  ): Promise<number> {
    if (((await this.#taken)?.size ?? 0) > maxRemembered) this.#taken = undefined;
    this.#taken ??= this.#read();
    const taken = await this.#taken;
    let uid = first(createHash("sha256").update(id).digest().readUInt32BE(0));
    while ((taken.get(uid) ?? id) !== id) uid = next(uid);
    taken.set(uid, id);
    await writeFile(join(folder, "uid"), String(uid), { mode: 0o600 });
    return uid;
  }

  /** A user id rests for a while after its run was removed: only what is still there counts here. */
  async #read(): Promise<Map<number, string>> {
    const taken = new Map<number, string>();
    for (const id of await readdir(this.#runs)) {
      const text = await readFile(join(this.#runs, id, "uid"), "utf8").catch(() => undefined); // none: a run without one
      if (text !== undefined) taken.set(Number(text), id);
    }
    return taken;
  }
}
