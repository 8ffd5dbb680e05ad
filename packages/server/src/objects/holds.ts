import type { Store, Write } from "../store/store.ts";
import { holdKey, kinds } from "./object-name.ts";
import type { HoldRecord } from "./object-records.ts";

/** Ids in one hold record: a page of JSON that is quick to write and to read again. */
const IDS_PER_RECORD = 10_000;

/**
 * Who keeps which bytes on disk. A hold is written before the path is given out, so that neither a deletion nor a
 * crash takes a file away from a running job.
 */
export class Holds {
  readonly #store: Store;
  readonly #byHolder = new Map<string, { readonly ids: Set<string>; records: number }>();
  readonly #counts = new Map<string, number>();
  /** Releases under way, by holder. */
  readonly #releasing = new Map<string, Promise<string[]>>();

  constructor(store: Store) {
    this.#store = store;
  }

  async open(): Promise<void> {
    let token: string | undefined;
    do {
      const page = await this.#store.list<HoldRecord>({ kind: kinds.hold, limit: 100, ...(token && { token }) });
      for (const { value } of page.records) this.#remember(value.holder, value.ids).records++;
      token = page.next;
    } while (token);
  }

  isHeld(id: string): boolean {
    return this.#counts.has(id);
  }

  /** Resolves when the holds survive a crash. */
  async hold(holder: string, ids: Iterable<string>): Promise<void> {
    // What is just being let go of is no longer held. Whether that fails is told to whoever asked for it.
    await this.#releasing.get(holder)?.catch(() => undefined);
    const known = this.#byHolder.get(holder)?.ids;
    const fresh = [...new Set(ids)].filter((id) => !known?.has(id));
    if (fresh.length === 0) return;
    // In memory first: a deletion that runs while the record is being written must see it.
    const mine = this.#remember(holder, fresh);
    const writes: Write[] = [];
    for (let at = 0; at < fresh.length; at += IDS_PER_RECORD) {
      const value: HoldRecord = { holder, ids: fresh.slice(at, at + IDS_PER_RECORD) };
      writes.push({ op: "put", key: holdKey(recordName(holder, mine.records++)), value });
    }
    await this.#store.write(writes);
  }

  /**
   * Drops all holds of a holder. Asked twice at once, both resolve when that is done.
   * @returns Ids that nobody holds any more, to one of those who asked.
   */
  release(holder: string): Promise<string[]> {
    const going = this.#releasing.get(holder);
    if (going) return going.then(() => []);
    const release = this.#release(holder).finally(() => this.#releasing.delete(holder));
    this.#releasing.set(holder, release);
    return release;
  }

  async #release(holder: string): Promise<string[]> {
    const mine = this.#byHolder.get(holder);
    if (!mine) return [];
    await this.#store.write(
      Array.from({ length: mine.records }, (_, n): Write => ({ op: "delete", key: holdKey(recordName(holder, n)) })),
    );
    this.#byHolder.delete(holder);
    const free: string[] = [];
    for (const id of mine.ids) {
      const left = (this.#counts.get(id) as number) - 1;
      if (left > 0) this.#counts.set(id, left);
      else {
        this.#counts.delete(id);
        free.push(id);
      }
    }
    return free;
  }

  #remember(holder: string, ids: readonly string[]): { readonly ids: Set<string>; records: number } {
    let mine = this.#byHolder.get(holder);
    if (!mine) {
      mine = { ids: new Set(), records: 0 };
      this.#byHolder.set(holder, mine);
    }
    for (const id of ids) {
      if (mine.ids.has(id)) continue;
      mine.ids.add(id);
      this.#counts.set(id, (this.#counts.get(id) ?? 0) + 1);
    }
    return mine;
  }
}

function recordName(holder: string, n: number): string {
  return `${holder}\u0001${String(n).padStart(6, "0")}`;
}
