import { createHash } from "node:crypto";

/** What one name may hold: `undefined` for nothing. */
type Content = string | undefined;

/**
 * What a client knows about one name in a server that may die at any moment: the last thing that was acknowledged, and
 * everything it tried since, any of which may have happened or not.
 */
export class Ledger {
  readonly #known = new Map<string, { acknowledged: Content; attempted: Content[] }>();

  get names(): string[] {
    return [...this.#known.keys()];
  }

  /** How many acknowledgements were written down. */
  acknowledgements = 0;

  /** Does `change`, which makes the name hold `content`. A failure leaves open whether it happened. */
  async attempt(name: string, content: Content, change: () => Promise<unknown>): Promise<boolean> {
    const entry = this.#entry(name);
    entry.attempted.push(content);
    try {
      await change();
    } catch {
      return false;
    }
    this.#known.set(name, { acknowledged: content, attempted: [] });
    this.acknowledgements++;
    return true;
  }

  /** Whether the name may hold this; says what is wrong otherwise. */
  check(name: string, found: Content): string | undefined {
    const { acknowledged, attempted } = this.#entry(name);
    if ([acknowledged, ...attempted].includes(found)) return undefined;
    return `${name} holds ${found ?? "nothing"}; acknowledged was ${acknowledged ?? "nothing"}`;
  }

  #entry(name: string) {
    let entry = this.#known.get(name);
    if (!entry) {
      entry = { acknowledged: undefined, attempted: [] };
      this.#known.set(name, entry);
    }
    return entry;
  }
}

/** Stands for a body in a ledger: its length and its SHA-256, so that half a body is told from a whole one. */
export function fingerprint(body: Uint8Array): string {
  return `${body.byteLength} bytes ${createHash("sha256").update(body).digest("hex").slice(0, 16)}`;
}
