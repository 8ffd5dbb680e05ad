/** Writes files into the folder named by its argument and says on stdout when each is durable. */
import { writeSync } from "node:fs";
import { join } from "node:path";
import { writeFileDurably } from "../durable-files.ts";

const [, , folder = ""] = process.argv;
for (const name of ["a", "b", "c"]) {
  await writeFileDurably(join(folder, name), `contents of ${name}`);
  writeSync(1, `ack ${name}\n`);
}
