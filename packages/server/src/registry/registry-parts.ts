import type { Clock } from "../clock.ts";
import type { ByteStore } from "../objects/bytes/byte-store.ts";
import type { Store } from "../store/store.ts";

/** What a registry is made of. */
export interface RegistryParts {
  readonly store: Store;
  readonly bytes: ByteStore;
  readonly clock: Clock;
}
