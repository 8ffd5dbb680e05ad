import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";

const made: string[] = [];
afterAll(() => {
  for (const folder of made.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** A folder of its own below the system's temporary folder, until the file's tests have ended. */
export function temporaryDirectory(): string {
  const folder = mkdtempSync(join(tmpdir(), "sagebrush-algorithm-"));
  made.push(folder);
  return folder;
}
