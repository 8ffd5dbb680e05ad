import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { EndpointClient } from "../support/endpoint.ts";
import { linearModelArchive } from "../support/linear-model.ts";
import type { LoadResult } from "../support/load-client.ts";
import { type PlatformProcess, startPlatform } from "../support/platform.ts";
import { type Figure, median } from "../support/report.ts";
import { runLoad } from "../support/run-load.ts";
import { signedRequest } from "../support/signed-request.ts";
import type { ServingBench } from "./serving-bench.ts";

const names = { off: "bench-capture-off", on: "bench-capture-on" } as const;
const features = 128;
const body = Array.from({ length: features }, (_, n) => (0.1 + n / 1_000).toFixed(5)).join(",");
// Long enough that objects of captured requests are written meanwhile.
const [warmMs, measureMs, connections] = [500, 5_000, 32];

/** Two endpoints of one model on one server, one of which keeps every request and answer. They take turns within each round. */
export const capture: ServingBench = {
  name: "capture",
  async measure({ work, repeats }) {
    const data = join(work, "capture");
    mkdirSync(data);
    const platform = await startPlatform(data);
    const endpoints = new EndpointClient(platform);
    try {
      const archive = await linearModelArchive(features);
      for (const name of Object.values(names))
        await endpoints.configure(name, archive, { captures: name === names.on });
      for (const name of Object.values(names)) await endpoints.start(name);
      const results = { off: [] as LoadResult[], on: [] as LoadResult[] };
      // The first round is not counted.
      for (let round = 0; round <= repeats; round++) {
        for (const side of round % 2 === 0 ? (["off", "on"] as const) : (["on", "off"] as const)) {
          const result = await burst(platform, names[side]);
          if (round > 0) results[side].push(result);
        }
        process.stderr.write(`capture: round ${round} of ${repeats}\n`);
      }
      return figures(results);
    } finally {
      for (const name of Object.values(names)) await endpoints.remove(name).catch(() => undefined);
      endpoints.close();
      await platform.stop();
    }
  },
};

async function burst(platform: PlatformProcess, name: string): Promise<LoadResult> {
  const request = signedRequest(platform, `/endpoints/${name}/invocations`, body).toString("base64");
  const target = { host: "127.0.0.1", port: Number(new URL(platform.url).port) };
  return await runLoad(name, { target, request, connections, warmMs, measureMs });
}

function figures({ off, on }: Record<keyof typeof names, readonly LoadResult[]>): Figure[] {
  const share = on.map(({ perSecond }, at) => perSecond / (off[at] as LoadResult).perSecond);
  return [
    { what: "throughput with all requests captured, of that without", value: median(share), unit: "x", must: ">= 0.9" },
    { what: "capture, off", value: median(off.map(({ perSecond }) => perSecond)), unit: "requests/s" },
    { what: "capture, on", value: median(on.map(({ perSecond }) => perSecond)), unit: "requests/s" },
  ];
}
