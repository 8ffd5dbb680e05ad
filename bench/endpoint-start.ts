import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EndpointClient } from "./support/endpoint.ts";
import { linearModelArchive } from "./support/linear-model.ts";
import { startPlatform } from "./support/platform.ts";
import { median, quantile, report } from "./support/report.ts";

/**
 * From CreateEndpoint to InService, one instance, as a client that polls DescribeEndpoint sees it. Each endpoint has an artifact of its own of
 * 10 MB, so that unpacking it counts: once right after another endpoint, when no model server waits for it, and once when one has been
 * started in advance. A third series deploys an artifact that is unpacked already.
 */
const rounds = Number(process.argv[2] ?? 11);
/** Four bytes each. */
const features = 2_600_000;
const folder = mkdtempSync(join(tmpdir(), "sagebrush-endpoint-start-"));
const platform = await startPlatform(folder);
const endpoints = new EndpointClient(platform);
/** A spare is started a second after an endpoint of its kind, and takes a part of one. */
const spareMs = 3_000;
const fresh: number[] = [];
const spare: number[] = [];
const known: number[] = [];
try {
  // The first endpoint of a server is not counted: it reads the algorithm's files from the disk.
  const measure = async (name: string, series: number[], isCounted: boolean): Promise<void> => {
    const milliseconds = await endpoints.start(name);
    if (isCounted) series.push(milliseconds / 1_000);
    await endpoints.remove(name);
  };
  const waitForSpare = () => new Promise((resolve) => setTimeout(resolve, spareMs));
  for (let round = 0; round <= rounds; round++) {
    await endpoints.configure(`spare-${round}`, await linearModelArchive(features));
    await endpoints.configure(`fresh-${round}`, await linearModelArchive(features));
    await waitForSpare();
    await measure(`spare-${round}`, spare, round > 0);
    await measure(`fresh-${round}`, fresh, round > 0);
    await measure(`fresh-${round}`, known, round > 0);
  }
  report("endpoint-start", [
    { what: "CreateEndpoint to InService, 10 MB model, median", value: median(fresh), unit: "s", must: "<= 1.0" },
    { what: "the slowest of them", value: quantile(fresh, 1), unit: "s" },
    { what: "the same where a model server waits, median", value: median(spare), unit: "s", must: "<= 0.5" },
    { what: "the slowest of them", value: quantile(spare, 1), unit: "s" },
    { what: "the same with a model that is unpacked already, median", value: median(known), unit: "s" },
  ]);
} finally {
  endpoints.close();
  await platform.stop();
  rmSync(folder, { recursive: true, force: true });
}
