import { rename } from "node:fs/promises";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { syncDirectory } from "../durable/durable-files.ts";
import { FormatMismatch, formatVersion, readFormat } from "../store/sqlite/schema.ts";
import { DataDirectoryError } from "./errors.ts";
import type { Migration } from "./migrations.ts";
import { migrations } from "./migrations.ts";
import { saveDatabase } from "./save-database.ts";

/** What a migration did. */
export interface Migrated {
  readonly from: number;
  readonly to: number;
  /** The database as it was before. */
  readonly saved: string;
}

/**
 * Brings the database to the current format: saves it beside itself, then runs every missing step in one transaction,
 * so that a crash at any moment leaves the old format or the new one. Needs the data directory's lock.
 * @returns `undefined` when there was nothing to do.
 * @throws FormatMismatch when the database is newer than this server.
 */
export async function migrate(
  path: string,
  { target = formatVersion, steps = migrations }: { target?: number; steps?: readonly Migration[] } = {},
): Promise<Migrated | undefined> {
  const database = new DatabaseSync(path);
  try {
    database.exec("PRAGMA synchronous = FULL");
    const from = readFormat(database);
    if (from === target) return undefined;
    if (from > target) throw new FormatMismatch(from);
    const missing = pathBetween(from, target, steps);
    const saved = join(dirname(path), `records.format-${from}.db`);
    await saveDatabase(path, `${saved}.partial`);
    await rename(`${saved}.partial`, saved);
    await syncDirectory(dirname(saved));
    database.exec("BEGIN EXCLUSIVE");
    try {
      for (const step of missing) step.run(database);
      database.exec(`PRAGMA user_version = ${target}`);
      database.exec("COMMIT");
    } catch (error) {
      if (database.isTransaction) database.exec("ROLLBACK");
      throw new DataDirectoryError(
        `Migrating ${path} from format ${from} to ${target} failed and nothing was changed. The version of Sagebrush that wrote it still opens it.`,
        { cause: error },
      );
    }
    return { from, to: target, saved };
  } finally {
    database.close();
  }
}

function pathBetween(from: number, target: number, steps: readonly Migration[]): readonly Migration[] {
  const missing = steps.filter(({ to }) => to > from && to <= target).sort((a, b) => a.to - b.to);
  const isComplete = missing.length === target - from && missing.every(({ to }, index) => to === from + index + 1);
  if (!isComplete) throw new DataDirectoryError(`There is no migration from format ${from} to ${target}.`);
  return missing;
}
