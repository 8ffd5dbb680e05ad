// One set-up at a time on one clone: a second one waits for the first, whose process id the lock names.
import { linkSync, readFileSync, rmSync, unlinkSync, writeFileSync } from "node:fs";

/** Runs `work` while holding `path`. A lock whose owner is gone is taken over. */
export async function withLock(path, work) {
  let said = false;
  while (!take(path)) {
    if (!said) process.stderr.write("set-up: waiting for another set-up of this clone to end\n");
    said = true;
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  try {
    return await work();
  } finally {
    rmSync(path, { force: true });
  }
}

function take(path) {
  // Linked into place with its content, so that nobody ever reads a lock without an owner.
  const mine = `${path}.${process.pid}`;
  writeFileSync(mine, String(process.pid));
  try {
    linkSync(mine, path);
    return true;
  } catch (error) {
    if (error.code !== "EEXIST") throw error;
    if (!isAlive(ownerOf(path))) rmSync(path, { force: true });
    return false;
  } finally {
    unlinkSync(mine);
  }
}

function ownerOf(path) {
  try {
    return Number(readFileSync(path, "utf8"));
  } catch {
    // Released between our attempt and this look.
    return 0;
  }
}

function isAlive(pid) {
  if (!(pid > 0)) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}
