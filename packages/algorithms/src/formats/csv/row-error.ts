import { closeSync, openSync, readSync } from "node:fs";
import { CustomerError } from "../../job/errors.ts";
import type { SourceFile } from "../source-file.ts";
import type { RowFault } from "./csv-blocks.ts";

/** Says what is wrong with a row: file, line, problem. */
export function rowError(files: readonly SourceFile[], fault: RowFault | undefined): CustomerError {
  const file = files[fault?.file ?? 0];
  if (fault === undefined || file === undefined) return new CustomerError("A file changed while it was read.");
  return new CustomerError(`${file.name}, line ${lineAt(file.path, fault.position)}: ${fault.problem}.`);
}

/** Line number, from 1, of a position in a file. */
function lineAt(path: string, position: number): number {
  const descriptor = openSync(path, "r");
  const bytes = Buffer.alloc(1024 * 1024);
  let line = 1;
  try {
    for (let at = 0; at < position; ) {
      const got = readSync(descriptor, bytes, 0, Math.min(bytes.length, position - at), at);
      if (got === 0) break;
      for (let i = bytes.indexOf(0x0a); i >= 0 && i < got; i = bytes.indexOf(0x0a, i + 1)) line++;
      at += got;
    }
    return line;
  } finally {
    closeSync(descriptor);
  }
}
