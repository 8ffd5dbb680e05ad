import { spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { EndpointClient, modelSocket } from "../support/endpoint.ts";
import { linearModelArchive } from "../support/linear-model.ts";
import type { LoadOrder, LoadResult } from "../support/load-client.ts";
import { type PlatformProcess, startPlatform } from "../support/platform.ts";
import { type Figure, median } from "../support/report.ts";
import { runLoad } from "../support/run-load.ts";
import { signedRequest } from "../support/signed-request.ts";
import type { ServingBench } from "./serving-bench.ts";

const [warmMs, measureMs] = [300, 2_000];
/** Of seven characters and a comma: 1 KB. */
const features = 128;
const body = Array.from({ length: features }, (_, n) => (0.1 + n / 1_000).toFixed(5)).join(",");
const name = "bench-invoke";

const subjects = ["gateway", "forwarder", "model"] as const;
type Subject = (typeof subjects)[number];
const compared = ["gateway", "forwarder"] as const;
interface Burst extends LoadResult {
  readonly subject: Subject;
  readonly load: Load;
}

/** So many connections that always have a request under way, or requests that come evenly, half as many as the gateway's most. */
type Load = 1 | 32 | "half";

/**
 * InvokeEndpoint through the gateway, signed, kept alive, 1 KB of CSV, beside the same bytes through a bare forwarder
 * to the same model process, and beside the model process itself. The three take turns within each round; the client
 * is a process of its own that sends one prepared request again and again. Half of the gateway's top rate is half of what it
 * reached at 32 connections in the same round; gateway and forwarder get it in requests that come evenly over 32 connections.
 */
export const invoke: ServingBench = {
  name: "invoke",
  async measure({ work, repeats }) {
    const data = join(work, "invoke");
    mkdirSync(data);
    // One model server, whose socket is asked too.
    const platform = await startPlatform(data, 0, ["--spare-model-servers", "0"]);
    const endpoints = new EndpointClient(platform);
    let forwarder: { port: number; stop: () => void } | undefined;
    try {
      await endpoints.configure(name, await linearModelArchive(features));
      await endpoints.start(name);
      const socket = modelSocket(data);
      forwarder = await startForwarder(socket);
      const url = new URL(platform.url);
      const targets: Record<Subject, LoadOrder["target"]> = {
        gateway: { host: url.hostname, port: Number(url.port) },
        forwarder: { host: "127.0.0.1", port: forwarder.port },
        model: { path: socket },
      };
      const bursts: Burst[] = [];
      // The first round lets the just-in-time compiler see every path and is not counted.
      for (let round = 0; round <= repeats; round++) {
        let topRate = 0;
        for (const load of [1, 32, "half"] as const) {
          const rate = load === "half" ? { perSecond: topRate / 2 } : {};
          for (const subject of turn(load === "half" ? compared : subjects, round)) {
            const connections = load === "half" ? 32 : load;
            const result = await burst(platform, targets[subject], subject, { connections, ...rate });
            if (subject === "gateway") topRate = result.perSecond;
            if (round > 0) bursts.push({ ...result, subject, load });
          }
        }
        process.stderr.write(`invoke: round ${round} of ${repeats}\n`);
      }
      return figures(bursts);
    } finally {
      forwarder?.stop();
      await endpoints.remove(name).catch(() => undefined); // the error that brought us here is the one to tell
      endpoints.close();
      await platform.stop();
    }
  },
};

/** Whoever is first in one round is last in the next. */
function turn<Item>(items: readonly Item[], by: number): Item[] {
  return items.map((_, index) => items[(index + by) % items.length] as Item);
}

async function burst(
  platform: PlatformProcess,
  target: LoadOrder["target"],
  subject: Subject,
  load: Pick<LoadOrder, "connections" | "perSecond">,
): Promise<LoadResult> {
  const path = subject === "model" ? "/invocations" : `/endpoints/${name}/invocations`;
  const request = signedRequest(platform, path, body).toString("base64");
  return await runLoad(subject, { target, request, ...load, warmMs, measureMs });
}

async function startForwarder(socket: string): Promise<{ port: number; stop: () => void }> {
  const child = spawn(process.execPath, [join(import.meta.dirname, "../support/forwarder.ts"), socket], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const port = await new Promise<number>((resolve, reject) => {
    child.stdout.once("data", (chunk: Buffer) => resolve(Number(chunk.toString())));
    child.once("exit", () => reject(new Error("The forwarder ended at its start.")));
  });
  return { port, stop: () => void child.kill() };
}

function figures(bursts: readonly Burst[]): Figure[] {
  const of = (subject: Subject, load: Load, what: keyof LoadResult) =>
    bursts.filter((one) => one.subject === subject && one.load === load).map((one) => one[what]);
  const forwarderName = "bare node:http + undici forwarder";
  const pairs = (load: Load, what: keyof LoadResult) =>
    of("gateway", load, what).map((value, n) => [value, of("forwarder", load, what)[n] as number] as const);
  const paced = compared.flatMap((subject): Figure[] => [
    { what: `${subject}, half rate`, value: median(of(subject, "half", "perSecond")), unit: "requests/s" },
    { what: `${subject}, half rate, p50`, value: median(of(subject, "half", "p50")), unit: "ms" },
    { what: `${subject}, half rate, p99`, value: median(of(subject, "half", "p99")), unit: "ms" },
  ]);
  const absolute = subjects.flatMap((subject): Figure[] => [
    { what: `${subject}, 1 connection, p50`, value: median(of(subject, 1, "p50")), unit: "ms" },
    { what: `${subject}, 1 connection, p99`, value: median(of(subject, 1, "p99")), unit: "ms" },
    { what: `${subject}, 32 connections`, value: median(of(subject, 32, "perSecond")), unit: "requests/s" },
    { what: `${subject}, 32 connections, p50`, value: median(of(subject, 32, "p50")), unit: "ms" },
    { what: `${subject}, 32 connections, p99`, value: median(of(subject, 32, "p99")), unit: "ms" },
  ]);
  return [
    {
      what: "p50 at half of the gateway's top rate, over the forwarder",
      value: median(pairs("half", "p50").map(([ours, theirs]) => ours - theirs)),
      unit: "ms",
      reference: forwarderName,
      must: "<= 0.1",
    },
    {
      what: "p99 at half of the gateway's top rate",
      value: median(pairs("half", "p99").map(([ours, theirs]) => ours / theirs)),
      unit: "x",
      reference: forwarderName,
      must: "<= 1.5",
    },
    {
      what: "p50 at one connection, over the forwarder",
      value: median(pairs(1, "p50").map(([ours, theirs]) => ours - theirs)),
      unit: "ms",
      reference: forwarderName,
      must: "<= 0.1",
    },
    {
      what: "p99 at one connection",
      value: median(pairs(1, "p99").map(([ours, theirs]) => ours / theirs)),
      unit: "x",
      reference: forwarderName,
      must: "<= 1.5",
    },
    {
      what: "requests/s at 32 connections",
      value: median(pairs(32, "perSecond").map(([ours, theirs]) => ours / theirs)),
      unit: "x",
      reference: forwarderName,
      must: ">= 0.75",
    },
    ...paced,
    ...absolute,
  ];
}
