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

type Subject = "gateway" | "forwarder" | "model";
interface Burst extends LoadResult {
  readonly subject: Subject;
  readonly connections: number;
}

/**
 * InvokeEndpoint through the gateway, signed, kept alive, 1 KB of CSV, beside the same bytes through a bare forwarder
 * to the same model process, and beside the model process itself. The three take turns within each round; the client
 * is a process of its own that sends one prepared request again and again.
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
        for (const connections of [1, 32]) {
          for (const subject of turn(["gateway", "forwarder", "model"] as const, round)) {
            const result = await burst(platform, targets[subject], subject, connections);
            if (round > 0) bursts.push({ ...result, subject, connections });
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
  connections: number,
): Promise<LoadResult> {
  const path = subject === "model" ? "/invocations" : `/endpoints/${name}/invocations`;
  const request = signedRequest(platform, path, body).toString("base64");
  return await runLoad(subject, { target, request, connections, warmMs, measureMs });
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
  const of = (subject: Subject, connections: number, what: keyof LoadResult) =>
    bursts.filter((one) => one.subject === subject && one.connections === connections).map((one) => one[what]);
  const forwarderName = "bare node:http + undici forwarder";
  const pairs = (connections: number, what: keyof LoadResult) =>
    of("gateway", connections, what).map(
      (value, n) => [value, of("forwarder", connections, what)[n] as number] as const,
    );
  const absolute = (["gateway", "forwarder", "model"] as const).flatMap((subject): Figure[] => [
    { what: `${subject}, 1 connection, p50`, value: median(of(subject, 1, "p50")), unit: "ms" },
    { what: `${subject}, 1 connection, p99`, value: median(of(subject, 1, "p99")), unit: "ms" },
    { what: `${subject}, 32 connections`, value: median(of(subject, 32, "perSecond")), unit: "requests/s" },
    { what: `${subject}, 32 connections, p50`, value: median(of(subject, 32, "p50")), unit: "ms" },
    { what: `${subject}, 32 connections, p99`, value: median(of(subject, 32, "p99")), unit: "ms" },
  ]);
  return [
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
    ...absolute,
  ];
}
