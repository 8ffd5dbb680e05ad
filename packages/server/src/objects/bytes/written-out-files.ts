import { readFileSync, rmSync, statSync } from "node:fs";
import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { writeFilesOnThread } from "../../tree-thread.ts";
import type { BytesReference } from "../object-records.ts";
import { randomHex } from "../random-id.ts";

/** Files that one message asks the thread for. */
const batchSize = 128;
/**
 * Small objects are written out this long after they came: before most jobs wait for it, and after most overwrites. A file
 * that is made and removed at once costs more than itself: ext4 does not use its inode again for a minute, and looks at
 * all such inodes for every new one (0.7 ms a file after some thousands, 0.04 ms otherwise).
 */
const settledAfterMs = 2000;
/** A rest between batches, so that requests come first. */
const restMs = 5;
/** The same when there is little to write, so that batches fill. */
const gatherMs = 100;
/** Small objects remembered for that. What is forgotten is written out when a job needs it. */
const mostRemembered = 100_000;

/**
 * Small objects as files, for jobs: their bytes are beside the records. One folder for all, since a file system spreads
 * folders over the disk, which makes writing many files three times slower; named by the boot of the machine, since these
 * files are never synced and trusted only until it ends.
 */
export class WrittenOutFiles {
  readonly #directory: string;
  readonly #read: (id: string) => Promise<Buffer>;
  readonly #ids = new Set<string>();
  /** Left by an earlier process of this boot, which may have been killed in the middle of any of them. */
  readonly #inherited = new Set<string>();
  readonly #underWay = new Map<string, Promise<void>>();
  /** Written by nobody yet, oldest first, and when each is due (performance.now). */
  readonly #later = new Map<string, { readonly reference: BytesReference; readonly dueMs: number }>();
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  /** @param read - The bytes of a small object. @param parent - The folder of all boots. */
  constructor(parent: string, read: (id: string) => Promise<Buffer>) {
    this.#directory = join(parent, bootId());
    this.#read = read;
  }

  /** Finds what this boot has, and removes what earlier ones left. */
  async open(): Promise<void> {
    await mkdir(this.#directory, { recursive: true, mode: 0o755 });
    for (const id of await readdir(this.#directory)) this.#inherited.add(id);
    const parent = join(this.#directory, "..");
    for (const boot of await readdir(parent)) {
      const path = join(parent, boot);
      if (path !== this.#directory) await rm(path, { recursive: true, force: true });
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await Promise.allSettled(this.#underWay.values());
  }

  ids(): readonly string[] {
    return [...this.#ids, ...this.#inherited];
  }

  has(id: string): boolean {
    return this.#ids.has(id) || this.#inherited.has(id) || this.#underWay.has(id);
  }

  path(id: string): string {
    return join(this.#directory, id);
  }

  /** Resolves when every one of them is a file. @throws What `read` throws, or the system says (disk full). */
  async write(references: readonly BytesReference[]): Promise<void> {
    const waits: Promise<void>[] = [];
    let batch: string[] = [];
    const flush = async () => {
      if (batch.length === 0) return;
      const writing = this.#writeBatch(batch);
      batch = [];
      waits.push(...writing);
      await Promise.allSettled(writing);
    };
    for (const reference of references) {
      const { id } = reference;
      const underWay = this.#underWay.get(id);
      if (underWay) waits.push(underWay);
      else if (!this.#isWritten(reference) && !batch.includes(id)) batch.push(id);
      if (batch.length === batchSize) await flush();
    }
    await flush();
    await Promise.all(waits);
  }

  /** Notes a small object that was committed, to write it out when there is time: 10,000 files take a job half a second. */
  writeLater(reference: BytesReference): void {
    if (this.#isClosed || this.#later.size >= mostRemembered) return;
    this.#later.set(reference.id, { reference, dueMs: performance.now() + settledAfterMs });
    this.#timer ??= setTimeout(() => void this.#writeDue(), settledAfterMs).unref();
  }

  /** Removes the file, if there is one. */
  async remove(id: string): Promise<void> {
    this.#later.delete(id);
    await this.#underWay.get(id)?.catch(() => {}); // told to whoever waits for the file
    if (this.#ids.delete(id) || this.#inherited.delete(id)) await rm(this.path(id), { force: true });
  }

  async #writeDue(): Promise<void> {
    const now = performance.now();
    const batch: BytesReference[] = [];
    for (const [id, { reference, dueMs }] of this.#later) {
      if (dueMs > now || batch.length === batchSize) break;
      this.#later.delete(id);
      batch.push(reference);
    }
    // Gone or failed (disk full): whoever needs the file asks for it again and gets the error.
    await this.write(batch).catch(() => {});
    this.#timer = undefined;
    const [next] = this.#later.values();
    if (next === undefined || this.#isClosed) return;
    const untilDueMs = next.dueMs - performance.now();
    const waitMs = untilDueMs > 0 ? Math.max(untilDueMs, gatherMs) : restMs;
    this.#timer = setTimeout(() => void this.#writeDue(), waitMs).unref();
  }

  /** Starts writing at once: nothing else may begin one of them in between. @returns For each of them. */
  #writeBatch(ids: readonly string[]): Promise<void>[] {
    const reads = ids.map((id) => this.#read(id));
    const allWritten = Promise.allSettled(reads).then((results) => {
      const files = results.flatMap((result, index) =>
        result.status === "fulfilled" ? [{ path: this.path(ids[index] as string), bytes: result.value }] : [],
      );
      return writeFilesOnThread(files);
    });
    return ids.map((id, index) => {
      const written = (async () => {
        try {
          await reads[index];
          await allWritten;
          this.#ids.add(id);
        } finally {
          this.#underWay.delete(id);
        }
      })();
      this.#underWay.set(id, written);
      written.catch(() => {}); // whoever asked is told by the same promise
      return written;
    });
  }

  #isWritten({ id, sizeBytes }: BytesReference): boolean {
    if (this.#ids.has(id)) return true;
    if (!this.#inherited.delete(id)) return false;
    // Its length tells whether the earlier process was done with it.
    if (statSync(this.path(id), { throwIfNoEntry: false })?.size === sizeBytes) {
      this.#ids.add(id);
      return true;
    }
    rmSync(this.path(id), { force: true });
    return false;
  }
}

/** Names this run of the machine. */
function bootId(): string {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    // Without Linux's boot id every start of the server distrusts what the last one wrote out.
    return randomHex(16);
  }
}
