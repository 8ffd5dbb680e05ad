import { execFile, spawn } from "node:child_process";
import { createHash, createHmac } from "node:crypto";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { EndpointClient } from "./support/endpoint.ts";
import { linearModelArchive } from "./support/linear-model.ts";
import type { LoadOrder, LoadResult } from "./support/load-client.ts";
import { type PlatformProcess, startPlatform } from "./support/platform.ts";
import { type Figure, median, report } from "./support/report.ts";

/**
 * InvokeEndpoint through the gateway, signed, kept alive, 1 KB of CSV, beside the same bytes through a bare forwarder
 * to the same model process, and beside the model process itself. The three take turns within each round; the client
 * is a process of its own that sends one prepared request again and again.
 */
const rounds = Number(process.argv[2] ?? 7);
const measureMs = Number(process.argv[3] ?? 2_000);
const warmMs = 300;
/** Of seven characters and a comma: 1 KB. */
const features = 128;
const endpoint = "bench-invoke";
const here = import.meta.dirname;
const execute = promisify(execFile);

type Subject = "gateway" | "forwarder" | "model";
interface Burst extends LoadResult {
  readonly subject: Subject;
  readonly connections: number;
  readonly round: number;
}

const folder = mkdtempSync(join(tmpdir(), "sagebrush-invoke-"));
const platform = await startPlatform(folder);
const endpoints = new EndpointClient(platform);
let forwarder: { port: number; stop: () => void } | undefined;
try {
  await endpoints.configure(endpoint, await linearModelArchive(features));
  await endpoints.start(endpoint);
  const socket = modelSocket();
  forwarder = await startForwarder(socket);
  const url = new URL(platform.url);
  const targets: Record<Subject, LoadOrder["target"]> = {
    gateway: { host: url.hostname, port: Number(url.port) },
    forwarder: { host: "127.0.0.1", port: forwarder.port },
    model: { path: socket },
  };
  const bursts: Burst[] = [];
  // The first round lets the just-in-time compiler see every path and is not counted.
  for (let round = 0; round <= rounds; round++) {
    for (const connections of [1, 32]) {
      for (const subject of turn(["gateway", "forwarder", "model"] as const, round)) {
        const result = await burst(targets[subject], subject, connections);
        if (round > 0) bursts.push({ ...result, subject, connections, round });
      }
    }
  }
  report("invoke", figures(bursts));
} finally {
  forwarder?.stop();
  await endpoints.remove(endpoint);
  endpoints.close();
  await platform.stop();
  rmSync(folder, { recursive: true, force: true });
}

/** Whoever is first in one round is last in the next. */
function turn<Item>(items: readonly Item[], by: number): Item[] {
  return items.map((_, index) => items[(index + by) % items.length] as Item);
}

async function burst(target: LoadOrder["target"], subject: Subject, connections: number): Promise<LoadResult> {
  const path = subject === "model" ? "/invocations" : `/endpoints/${endpoint}/invocations`;
  const request = signedRequest(platform, path).toString("base64");
  const order: LoadOrder = { target, request, connections, warmMs, measureMs };
  const { stdout } = await execute(process.execPath, [join(here, "support", "load-client.ts"), JSON.stringify(order)]);
  const result = JSON.parse(stdout) as LoadResult;
  if (result.failures > 0) throw new Error(`${subject}: ${result.failures} requests failed`);
  return result;
}

/** The bytes of one signed InvokeEndpoint. Good for 15 minutes; made anew for each burst. */
function signedRequest({ url, credentials }: PlatformProcess, path: string): Buffer {
  const body = Array.from({ length: features }, (_, n) => (0.1 + n / 1_000).toFixed(5)).join(",");
  const date = new Date().toISOString().replaceAll(/[-:]|\.\d{3}/gu, "");
  const scope = `${date.slice(0, 8)}/us-east-1/sagemaker/aws4_request`;
  const headers: [string, string][] = [
    ["accept", "application/json"],
    ["content-length", String(Buffer.byteLength(body))],
    ["content-type", "text/csv"],
    ["host", new URL(url).host],
    ["user-agent", "bench"],
    ["x-amz-content-sha256", sha256(body)],
    ["x-amz-date", date],
  ];
  const signed = headers.filter(([name]) => name !== "user-agent" && name !== "content-length");
  const names = signed.map(([name]) => name).join(";");
  const lines = signed.map(([name, value]) => `${name}:${value}\n`).join("");
  const canonical = ["POST", path, "", lines, names, sha256(body)].join("\n");
  const text = ["AWS4-HMAC-SHA256", date, scope, sha256(canonical)].join("\n");
  const steps = [...scope.split("/"), text];
  const signature = steps.reduce<Buffer | string>(hmac, `AWS4${credentials.secretAccessKey}`) as Buffer;
  const claim = `Credential=${credentials.accessKeyId}/${scope}, SignedHeaders=${names}, Signature=${signature.toString("hex")}`;
  headers.push(["authorization", `AWS4-HMAC-SHA256 ${claim}`]);
  const head = headers.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  return Buffer.from(`POST ${path} HTTP/1.1\r\n${head}\r\n${body}`);
}

function hmac(key: Buffer | string, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** The one model server's socket, in the engine's folder for sockets. */
function modelSocket(): string {
  const sockets = join(folder, "engine", "s");
  const [run] = readdirSync(sockets);
  if (run === undefined) throw new Error(`No model server has a socket in ${sockets}.`);
  return join(sockets, run, "s");
}

async function startForwarder(socket: string): Promise<{ port: number; stop: () => void }> {
  const child = spawn(process.execPath, [join(here, "support", "forwarder.ts"), socket], {
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
