import type { Store, StoredRecord } from "../store/store.ts";
import { afterPrefix, compareByteOrder } from "./object-name.ts";

/** Records read at once. A listing with a delimiter often jumps after a few, so the first pages are short. */
const FIRST_PAGE = 64;
const LARGEST_PAGE = 1000;

/** Walks the records of one kind in the order of their names, and jumps. */
export class RecordCursor<Value> {
  readonly #store: Store;
  readonly #kind: string;
  readonly #prefix: string;
  #buffer: readonly StoredRecord<Value>[] = [];
  #at = 0;
  #bound: { readonly after: string } | { readonly from: string } | undefined;
  #more = true;
  #pageSize = FIRST_PAGE;

  /** @param start - Where to begin, by record name; without it at the first name with the prefix. */
  constructor(
    store: Store,
    kind: string,
    prefix: string,
    start?: { readonly after: string } | { readonly from: string },
  ) {
    this.#store = store;
    this.#kind = kind;
    this.#prefix = prefix;
    this.#bound = start;
  }

  /** The record at the cursor, or `undefined` at the end. */
  async peek(): Promise<StoredRecord<Value> | undefined> {
    if (this.#at < this.#buffer.length) return this.#buffer[this.#at];
    if (!this.#more) return undefined;
    const page = await this.#store.list<Value>({
      kind: this.#kind,
      account: "",
      region: "",
      prefix: this.#prefix,
      limit: this.#pageSize,
      ...this.#bound,
    });
    this.#buffer = page.records;
    this.#at = 0;
    this.#more = page.next !== undefined;
    const last = page.records.at(-1);
    if (last) this.#bound = { after: last.name };
    this.#pageSize = Math.min(LARGEST_PAGE, this.#pageSize * 4);
    return page.records[0];
  }

  /** Steps over the record at the cursor. */
  advance(): void {
    this.#at++;
  }

  /** Jumps behind every name that begins with `prefix`. */
  skip(prefix: string): void {
    while (this.#at < this.#buffer.length && this.#buffer[this.#at]?.name.startsWith(prefix)) this.#at++;
    if (this.#at < this.#buffer.length) return;
    const from = afterPrefix(prefix);
    if (from === undefined) this.#more = false;
    else if (!this.#bound || compareByteOrder(boundText(this.#bound), from) < 0) this.#bound = { from };
  }
}

function boundText(bound: { readonly after: string } | { readonly from: string }): string {
  return "after" in bound ? bound.after : bound.from;
}
