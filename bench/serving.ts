import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { batch } from "./serving/batch.ts";
import { capture } from "./serving/capture.ts";
import { endpoint } from "./serving/endpoint.ts";
import { invoke } from "./serving/invoke.ts";
import { multiModel } from "./serving/multi-model.ts";
import { peersBench } from "./serving/peers.ts";
import type { ServingBench } from "./serving/serving-bench.ts";
import { workers } from "./serving/workers.ts";
import { askedFor } from "./support/bench-options.ts";
import { report } from "./support/report.ts";

/**
 * Serving against what people use for it otherwise, in the same run. To add a part: its file in serving/ and its line here.
 * `-- batch --rounds 3 --rows 100000` runs one, and makes it smaller.
 */
const parts: readonly ServingBench[] = [batch, endpoint, invoke, multiModel, capture, workers, peersBench];

const { names, rounds: repeats, rows } = askedFor(parts.map(({ name }) => name));
const work = mkdtempSync(join(tmpdir(), "sagebrush-serving-"));
try {
  const options = { work, repeats, rows };
  const figures = [];
  for (const part of parts) {
    if (names.length === 0 || names.includes(part.name)) figures.push(...(await part.measure(options)));
  }
  report("serving", figures);
} finally {
  rmSync(work, { recursive: true, force: true });
}
