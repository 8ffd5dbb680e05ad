import { randomHex } from "../objects/random-id.ts";
import type { Store, StoredRecord, Write } from "../store/store.ts";
import { WriteConflict } from "../store/store.ts";
import {
  kinds,
  type RegistryPlace,
  type Repository,
  type RepositoryRecord,
  repositoryKey,
} from "./registry-records.ts";

/** Repositories by name, in the registry of one account and region. */
export class Repositories {
  readonly #store: Store;

  constructor({ store }: { store: Store }) {
    this.#store = store;
  }

  async find(place: RegistryPlace, name: string): Promise<Repository | undefined> {
    const record = await this.#store.get<RepositoryRecord>(repositoryKey(place, name));
    return record && asRepository(record);
  }

  /** @returns `undefined` when the name is taken. */
  async create(
    place: RegistryPlace,
    name: string,
    options: Omit<RepositoryRecord, "id">,
  ): Promise<Repository | undefined> {
    const value: RepositoryRecord = { ...options, id: randomHex(16) };
    try {
      const [record] = await this.#store.write([{ op: "create", key: repositoryKey(place, name), value }]);
      return asRepository(record as StoredRecord<RepositoryRecord>);
    } catch (error) {
      if (error instanceof WriteConflict) return undefined;
      throw error;
    }
  }

  /** One page by name. `next` continues it. */
  async list(
    place: RegistryPlace,
    page: { readonly limit: number; readonly token?: string; readonly after?: string },
  ): Promise<{ repositories: Repository[]; next?: string }> {
    const { account, region } = place;
    const found = await this.#store.list<RepositoryRecord>({ kind: kinds.repository, account, region, ...page });
    return {
      repositories: found.records.map(asRepository),
      ...(found.next !== undefined && { next: found.next }),
    };
  }

  /** Changes a repository's settings. @returns `undefined` when it is gone. */
  async change(
    place: RegistryPlace,
    name: string,
    next: (old: RepositoryRecord) => RepositoryRecord,
  ): Promise<Repository | undefined> {
    for (;;) {
      const before = await this.find(place, name);
      if (!before) return undefined;
      try {
        const key = repositoryKey(place, name);
        const write: Write = { op: "update", key, version: before.version, value: next(before.value) };
        const [record] = await this.#store.write([write]);
        return asRepository(record as StoredRecord<RepositoryRecord>);
      } catch (error) {
        // A push or another change in between: read again.
        if (!(error instanceof WriteConflict)) throw error;
      }
    }
  }

  /**
   * Forgets a repository, and with it everything that is keyed by its id; collection takes the rest away.
   * @returns Whether it was there and as it was read.
   */
  async remove({ place, name, version }: Repository): Promise<boolean> {
    try {
      await this.#store.write([{ op: "delete", key: repositoryKey(place, name), version }]);
      return true;
    } catch (error) {
      if (error instanceof WriteConflict) return false;
      throw error;
    }
  }
}

/** A repository of its record. */
export function asRepository(record: StoredRecord<RepositoryRecord>): Repository {
  const { account, region, name, createdAt, version, value } = record;
  return { place: { account, region }, name, createdAt, version, value };
}
