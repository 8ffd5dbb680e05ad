import type { DatabaseSync } from "node:sqlite";

/** One step from a format to the next. */
export interface Migration {
  /** The format that it makes; it runs on the format before. */
  readonly to: number;
  /** What changes, for the log. */
  readonly what: string;
  /**
   * Changes the database inside the one transaction of the whole migration: if any step throws, nothing changed. It
   * may create files, since a repetition finds and replaces them, but must not remove any that the old format needs.
   */
  run(database: DatabaseSync): void;
}

/**
 * Every step since format 1, in order. A change of format adds its step here, raises `formatVersion` in
 * `store/sqlite/schema.ts`, and keeps a fixture of the format before (`fixtures/make-fixture.ts`).
 */
export const migrations: readonly Migration[] = [];
