import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { tarGzOf } from "../../packages/server/src/serving/testkit/tar-builder.ts";
import { EndpointClient } from "../support/endpoint.ts";
import { freePort } from "../support/free-port.ts";
import type { LoadResult } from "../support/load-client.ts";
import { plainRequest } from "../support/plain-request.ts";
import { type PlatformProcess, startPlatform } from "../support/platform.ts";
import { referencePython } from "../support/reference-process.ts";
import { type Figure, median } from "../support/report.ts";
import { runLoad } from "../support/run-load.ts";
import { signedRequest } from "../support/signed-request.ts";
import { csvRow, row } from "./row.ts";
import type { ServingBench } from "./serving-bench.ts";

const folder = join(import.meta.dirname, "peers-reference");
const root = join(import.meta.dirname, "../..");
const name = "bench-peers";
const [warmMs, measureMs, connections] = [1_000, 2_000, 16];

/** A server that people use for the same. */
interface Peer {
  readonly name: string;
  readonly title: string;
  readonly path: string;
  readonly contentType: string;
  readonly body: string;
  /** The prediction in its answer. */
  readonly prediction: (answer: string) => number;
}

const json = "application/json";
const asRow = JSON.stringify({ row: csvRow });
const peers: readonly Peer[] = [
  {
    ...{ name: "mlserver", title: "MLServer 1.7.1", path: "/v2/models/bench/infer", contentType: json },
    body: JSON.stringify({ inputs: [{ name: "x", shape: [1, row.length], datatype: "FP32", data: row }] }),
    prediction: (answer) => (JSON.parse(answer) as { outputs: { data: number[] }[] }).outputs[0]?.data[0] as number,
  },
  {
    ...{ name: "bentoml", title: "BentoML 1.4.40", path: "/predict", contentType: json, body: asRow },
    prediction: (answer) => (JSON.parse(answer) as number[])[0] as number,
  },
  {
    ...{ name: "litserve", title: "LitServe 0.2.19", path: "/predict", contentType: json, body: asRow },
    prediction: predictionsOf,
  },
  {
    ...{ name: "ray-serve", title: "Ray Serve 2.60.0", path: "/predict", contentType: "text/csv", body: csvRow },
    prediction: predictionsOf,
  },
];

function predictionsOf(answer: string): number {
  return (JSON.parse(answer) as { predictions: number[] }).predictions[0] as number;
}

/**
 * The same XGBoost model, one row a request at 16 connections, ours signed and through the gateway beside each peer that can be
 * installed, in an environment of its own; all cores for both, in turns. What cannot be installed is left out by name.
 */
export const peersBench: ServingBench = {
  name: "peers",
  async measure({ work, repeats }) {
    const model = join(work, "peers.ubj");
    const maker = referencePython("endpoint", join(import.meta.dirname, "endpoint-reference/requirements.txt"));
    const made = spawnSync(maker, [join(import.meta.dirname, "endpoint-reference/app.py"), "make", model]);
    if (made.status !== 0) throw new Error(`the reference could not make the model: ${made.stderr.toString()}`);
    const data = join(work, "peers");
    mkdirSync(data);
    const platform = await startPlatform(data, 0, ["--environments-dir", join(root, ".build/environments")]);
    const endpoints = new EndpointClient(platform);
    try {
      const archive = tarGzOf([{ path: "xgboost-model", content: readFileSync(model) }]);
      await endpoints.configure(name, archive, { image: "sagemaker-xgboost:3.0-5" });
      await endpoints.start(name);
      const figures: Figure[] = [];
      for (const peer of peers) figures.push(...(await against(peer, { platform, model, repeats })));
      return figures;
    } finally {
      await endpoints.remove(name).catch(() => undefined); // the error that brought us here is the one to tell
      endpoints.close();
      await platform.stop();
    }
  },
};

interface Round {
  readonly platform: PlatformProcess;
  readonly model: string;
  readonly repeats: number;
}

async function against(peer: Peer, { platform, model, repeats }: Round): Promise<Figure[]> {
  let server: Awaited<ReturnType<typeof start>>;
  try {
    const python = referencePython(`peer-${peer.name}`, join(folder, peer.name, "requirements.txt"));
    server = await start(peer, python, model);
  } catch (error) {
    process.stderr.write(`peers: ${peer.title} is left out, it cannot be had here (${String(error)})\n`);
    return [];
  }
  try {
    const [ours, theirs]: [LoadResult[], LoadResult[]] = [[], []];
    // The first round is not counted.
    for (let round = 0; round <= repeats; round++) {
      const turns = round % 2 === 0 ? [ours, theirs] : [theirs, ours];
      for (const side of turns) {
        const result = side === ours ? await burstOfOurs(platform) : await burstOf(peer, server.port);
        if (round > 0) side.push(result);
      }
      process.stderr.write(`peers: ${peer.title}, round ${round} of ${repeats}\n`);
    }
    const ratio = ours.map(({ perSecond }, at) => perSecond / (theirs[at] as LoadResult).perSecond);
    return [
      {
        ...{ what: `peers, 16 connections, requests/s over ${peer.title}`, value: median(ratio), unit: "x" },
        ...{ reference: `${peer.title}, a worker for each core, unsigned`, must: "> 1" },
      },
      { what: `peers, ${peer.title}`, value: median(theirs.map(({ perSecond }) => perSecond)), unit: "requests/s" },
      { what: `peers, ${peer.title}, p99`, value: median(theirs.map(({ p99 }) => p99)), unit: "ms" },
      { what: "peers, ours beside it", value: median(ours.map(({ perSecond }) => perSecond)), unit: "requests/s" },
    ];
  } finally {
    await server.stop();
  }
}

async function burstOfOurs(platform: PlatformProcess): Promise<LoadResult> {
  const request = signedRequest(platform, `/endpoints/${name}/invocations`, csvRow, "text/csv").toString("base64");
  const target = { host: "127.0.0.1", port: Number(new URL(platform.url).port) };
  return await runLoad("ours", { target, request, connections, warmMs, measureMs });
}

async function burstOf({ title, path, contentType, body }: Peer, port: number): Promise<LoadResult> {
  const request = plainRequest(`127.0.0.1:${port}`, path, contentType, body).toString("base64");
  return await runLoad(title, { target: { host: "127.0.0.1", port }, request, connections, warmMs, measureMs });
}

/** Starts a peer and waits until it gives the prediction that xgboost gives. */
async function start(peer: Peer, python: string, model: string): Promise<{ port: number; stop: () => Promise<void> }> {
  const port = await freePort();
  const app = join(folder, peer.name, "app.py");
  // A group of its own: most of them are several processes.
  const child = spawn(python, [app, model, String(port)], { stdio: ["ignore", 2, 2], detached: true });
  const exit = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const stop = async (): Promise<void> => {
    child.kill();
    const late = setTimeout(() => killGroup(child.pid as number), 10_000);
    await exit;
    clearTimeout(late);
    // Workers outlive the first process of some of them, and would take their share of the next one's cores.
    killGroup(child.pid as number);
  };
  const headers = { "content-type": peer.contentType };
  for (let tries = 0; ; tries++) {
    const answer = await fetch(`http://127.0.0.1:${port}${peer.path}`, {
      method: "POST",
      headers,
      body: peer.body,
    }).then(
      async (response) => (response.ok ? await response.text() : undefined),
      () => undefined,
    );
    const prediction = answer === undefined ? undefined : peer.prediction(answer);
    if (prediction !== undefined && prediction > 0 && prediction < 1) return { port, stop };
    if (child.exitCode !== null || tries > 600) {
      await stop();
      throw new Error(`${peer.title} did not start`);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

function killGroup(leader: number): void {
  try {
    process.kill(-leader, "SIGKILL");
  } catch (error) {
    // Nobody of it is left.
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
