import { open, rm } from "node:fs/promises";
import { backup, DatabaseSync } from "node:sqlite";

/**
 * Copies a SQLite database, which may be in use, to one file: a snapshot of one moment, synced to the disk. Writers go
 * on meanwhile.
 * @param change - Last changes to the copy, before it is synced.
 */
export async function saveDatabase(
  path: string,
  target: string,
  change: (copy: DatabaseSync) => void = () => {},
): Promise<void> {
  await rm(target, { force: true });
  // A connection of its own: copying holds a connection's mutex, and another user of it would wait.
  const source = new DatabaseSync(path, { readOnly: true, timeout: 10_000 });
  try {
    // All pages in one step, hence of one moment: between steps a write would make the copy begin again.
    await backup(source, target, { rate: 2 ** 31 - 1 });
  } finally {
    source.close();
  }
  const copy = new DatabaseSync(target);
  try {
    // One plain file, without a write-ahead log beside it.
    copy.exec("PRAGMA journal_mode = DELETE");
    change(copy);
  } finally {
    copy.close();
  }
  const file = await open(target, "r");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
