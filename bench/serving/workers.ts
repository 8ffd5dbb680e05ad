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

const name = "bench-workers";
const features = 8;
const body = Array.from({ length: features }, (_, n) => (0.1 + n / 1_000).toFixed(5)).join(",");
const [warmMs, measureMs, connections] = [500, 2_000, 64];

/** Gateway workers and the cores that everything of a setting has: the server, its model and the client. */
const settings = [
  { label: "1 worker, 1 core", workers: 1, cores: "0" },
  { label: "1 worker, 2 cores", workers: 1, cores: "0,1" },
  { label: "2 workers, 2 cores", workers: 2, cores: "0,1" },
] as const;
type Setting = (typeof settings)[number];

/**
 * What a second gateway worker brings: small signed invocations at 64 connections, one and two workers, pinned to one and two
 * cores together with the model and the client, which take their share of them. The settings take turns within each round.
 */
export const workers: ServingBench = {
  name: "workers",
  async measure({ work, repeats }) {
    const servers = new Map<Setting, PlatformProcess>();
    const clients: EndpointClient[] = [];
    try {
      const archive = await linearModelArchive(features);
      for (const setting of settings) {
        const data = join(work, `workers-${setting.workers}-${setting.cores.length}`);
        mkdirSync(data);
        const platform = await startPlatform(data, 0, ["--gateway-workers", String(setting.workers)], setting.cores);
        servers.set(setting, platform);
        const client = new EndpointClient(platform);
        clients.push(client);
        await client.configure(name, archive);
        await client.start(name);
      }
      const results = new Map<Setting, LoadResult[]>(settings.map((setting) => [setting, []]));
      // The first round is not counted.
      for (let round = 0; round <= repeats; round++) {
        for (const [at] of settings.entries()) {
          const setting = settings[(at + round) % settings.length] as Setting;
          const result = await burst(servers.get(setting) as PlatformProcess, setting);
          if (round > 0) results.get(setting)?.push(result);
        }
        process.stderr.write(`workers: round ${round} of ${repeats}\n`);
      }
      return figures(results);
    } finally {
      for (const client of clients) {
        await client.remove(name).catch(() => undefined); // the error that brought us here is the one to tell
        client.close();
      }
      for (const platform of servers.values()) await platform.stop();
    }
  },
};

async function burst(platform: PlatformProcess, { label, cores }: Setting): Promise<LoadResult> {
  const request = signedRequest(platform, `/endpoints/${name}/invocations`, body).toString("base64");
  const target = { host: "127.0.0.1", port: Number(new URL(platform.url).port) };
  return await runLoad(label, { target, request, connections, warmMs, measureMs }, cores);
}

function figures(results: ReadonlyMap<Setting, readonly LoadResult[]>): Figure[] {
  const rates = settings.map((setting) => (results.get(setting) ?? []).map(({ perSecond }) => perSecond));
  const [one = [], wide = [], two = []] = rates;
  const over = (base: readonly number[]) => median(two.map((rate, at) => rate / (base[at] as number)));
  return [
    { what: "two gateway workers over one, both on two cores", value: over(wide), unit: "x", must: "> 1" },
    { what: "two gateway workers on two cores over one on one core", value: over(one), unit: "x" },
    ...settings.flatMap((setting, at): Figure[] => [
      { what: `workers, ${setting.label}`, value: median(rates[at] ?? []), unit: "requests/s" },
      {
        what: `workers, ${setting.label}, p99`,
        value: median((results.get(setting) ?? []).map(({ p99 }) => p99)),
        unit: "ms",
      },
    ]),
  ];
}
