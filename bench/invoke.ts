import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { invoke } from "./serving/invoke.ts";
import { report } from "./support/report.ts";

/** `npm run bench -- invoke [ROUNDS]`: the part `invoke` of the benchmark of serving alone, with more rounds. */
const work = mkdtempSync(join(tmpdir(), "sagebrush-invoke-"));
try {
  report("invoke", await invoke.measure({ work, repeats: Number(process.argv[2] ?? 7), rows: 0 }));
} finally {
  rmSync(work, { recursive: true, force: true });
}
