import { ShadowCopies } from "./shadow-copies.ts";

/** Which configuration of which endpoint a shadow variant belongs to. */
export interface ShadowName {
  readonly account: string;
  readonly region: string;
  readonly endpoint: string;
  readonly variant: string;
  readonly config: string;
}

/** The copies of every shadow variant, which outlive changes of their endpoint's route. */
export class Shadows {
  readonly #shadows = new Map<string, ShadowName & { readonly copies: ShadowCopies }>();

  of(name: ShadowName): ShadowCopies {
    const key = keyOf(name);
    let shadow = this.#shadows.get(key);
    if (shadow === undefined) {
      shadow = { ...name, copies: new ShadowCopies() };
      this.#shadows.set(key, shadow);
    }
    return shadow.copies;
  }

  /** Every shadow variant that is or was routed. */
  all(): Iterable<ShadowName & { readonly copies: ShadowCopies }> {
    return this.#shadows.values();
  }

  /** Forgets one that gets no more copies. */
  drop(name: ShadowName): void {
    this.#shadows.delete(keyOf(name));
  }
}

function keyOf({ account, region, endpoint, config, variant }: ShadowName): string {
  return `${account}/${region}/${endpoint}/${config}/${variant}`;
}
