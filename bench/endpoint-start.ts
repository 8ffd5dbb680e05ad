import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EndpointClient } from "./support/endpoint.ts";
import { linearModelArchive } from "./support/linear-model.ts";
import { startPlatform } from "./support/platform.ts";
import { median, quantile, report } from "./support/report.ts";

/**
 * From CreateEndpoint to InService, one instance, as a client that polls DescribeEndpoint sees it. Each endpoint has an
 * artifact of its own of 10 MB, so that unpacking it counts; a second series deploys one that is unpacked already.
 */
const rounds = 11;
/** Four bytes each. */
const features = 2_600_000;
const folder = mkdtempSync(join(tmpdir(), "sagebrush-endpoint-start-"));
const platform = await startPlatform(folder);
const endpoints = new EndpointClient(platform);
const fresh: number[] = [];
const known: number[] = [];
try {
  // The first endpoint of a server is not counted: it reads the algorithm's files from the disk.
  for (let round = 0; round <= rounds; round++) {
    const archive = await linearModelArchive(features);
    await endpoints.configure(`model-${round}`, archive);
    for (const series of [fresh, known]) {
      const milliseconds = await endpoints.start(`model-${round}`);
      if (round > 0) series.push(milliseconds / 1_000);
      await endpoints.remove(`model-${round}`);
    }
  }
  report("endpoint-start", [
    { what: "CreateEndpoint to InService, 10 MB model, median", value: median(fresh), unit: "s", must: "<= 1.0" },
    { what: "the slowest of them", value: quantile(fresh, 1), unit: "s" },
    { what: "the same with a model that is unpacked already, median", value: median(known), unit: "s" },
  ]);
} finally {
  endpoints.close();
  await platform.stop();
  rmSync(folder, { recursive: true, force: true });
}
