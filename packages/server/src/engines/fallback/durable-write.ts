import { closeSync, fsyncSync, openSync, renameSync, writeSync } from "node:fs";
import { dirname } from "node:path";

/** Replaces a file in one step. */
export function writeWhole(path: string, text: string): void {
  writeAndRename(path, text, false);
}

/** Replaces a file in one step that survives a power cut. */
export function writeDurably(path: string, text: string): void {
  writeAndRename(path, text, true);
  const folder = openSync(dirname(path), "r");
  fsyncSync(folder);
  closeSync(folder);
}

function writeAndRename(path: string, text: string, durable: boolean): void {
  const file = openSync(`${path}.tmp`, "w", 0o600);
  writeSync(file, text);
  if (durable) fsyncSync(file);
  closeSync(file);
  renameSync(`${path}.tmp`, path);
}
