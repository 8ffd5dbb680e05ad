import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { tarGzOf } from "../../packages/server/src/serving/testkit/tar-builder.ts";
import { EndpointClient, modelSocket } from "../support/endpoint.ts";
import { freePort } from "../support/free-port.ts";
import type { LoadOrder, LoadResult } from "../support/load-client.ts";
import { type PlatformProcess, startPlatform } from "../support/platform.ts";
import { referencePython } from "../support/reference-process.ts";
import { type Figure, median } from "../support/report.ts";
import { runLoad } from "../support/run-load.ts";
import { signedRequest } from "../support/signed-request.ts";
import { csvRow } from "./row.ts";
import type { ServingBench } from "./serving-bench.ts";

const folder = join(import.meta.dirname, "endpoint-reference");
const root = join(import.meta.dirname, "../..");
const name = "bench-xgboost";
const [warmMs, measureMs] = [300, 2_000];

/** What is measured: an endpoint through the gateway, its model server alone, and the reference, at some connections. */
const subjects = ["gateway", "model", "reference"] as const;
type Subject = (typeof subjects)[number];

/**
 * One row for each request to the same XGBoost model of 100 trees of depth 6 over 28 columns, on all cores of the machine: ours signed and
 * through the gateway, theirs gunicorn, Flask and xgboost as in SageMaker's container, unsigned. They take turns within each round; the client is
 * a process of its own that sends one prepared request again and again.
 */
export const endpoint: ServingBench = {
  name: "endpoint",
  async measure({ work, repeats }) {
    const python = referencePython("endpoint", join(folder, "requirements.txt"));
    const model = join(work, "endpoint.ubj");
    const made = spawnSync(python, [join(folder, "app.py"), "make", model], { stdio: ["ignore", 2, 2] });
    if (made.status !== 0) throw new Error("the reference could not make the model");
    const data = join(work, "endpoint");
    mkdirSync(data);
    const platform = await startPlatform(data, 0, [
      ...["--environments-dir", join(root, ".build/environments")],
      // One model server, whose socket is asked too.
      ...["--spare-model-servers", "0"],
    ]);
    const endpoints = new EndpointClient(platform);
    const reference = await startReference(python, model);
    try {
      const archive = tarGzOf([{ path: "xgboost-model", content: readFileSync(model) }]);
      await endpoints.configure(name, archive, { image: "sagemaker-xgboost:3.0-5" });
      // The first start of a server is not counted: it may make the library's environment.
      const starts: number[] = [];
      for (let round = 0; round <= Math.max(3, repeats); round++) {
        if (round > 0) await endpoints.remove(name);
        const milliseconds = await endpoints.start(name);
        if (round > 0) starts.push(milliseconds);
      }
      const targets: Record<Subject, LoadOrder["target"]> = {
        gateway: { host: "127.0.0.1", port: Number(new URL(platform.url).port) },
        model: { path: modelSocket(data) },
        reference: { host: "127.0.0.1", port: reference.port },
      };
      const bursts: Burst[] = [];
      // The first round warms both sides up and is not counted.
      for (let round = 0; round <= repeats; round++) {
        for (const connections of [1, 16]) {
          for (const [index] of subjects.entries()) {
            const subject = subjects[(index + round) % subjects.length] as Subject;
            const result = await burst(platform, subject, targets[subject], connections);
            if (round > 0) bursts.push({ ...result, subject, connections });
          }
        }
        process.stderr.write(`endpoint: round ${round} of ${repeats}\n`);
      }
      return figures(bursts, starts);
    } finally {
      reference.stop();
      await endpoints.remove(name).catch(() => undefined); // the error that brought us here is the one to tell
      endpoints.close();
      await platform.stop();
    }
  },
};

interface Burst extends LoadResult {
  readonly subject: Subject;
  readonly connections: number;
}

async function burst(
  platform: PlatformProcess,
  subject: Subject,
  target: LoadOrder["target"],
  connections: number,
): Promise<LoadResult> {
  const path = subject === "gateway" ? `/endpoints/${name}/invocations` : "/invocations";
  const request = signedRequest(platform, path, csvRow, "text/csv").toString("base64");
  return await runLoad(subject, { target, request, connections, warmMs, measureMs });
}

/** Starts the reference and waits until it answers. */
async function startReference(python: string, model: string): Promise<{ port: number; stop: () => void }> {
  const port = await freePort();
  const child = spawn(python, [join(folder, "app.py"), "serve", model, String(port)], { stdio: ["ignore", 2, 2] });
  for (let tries = 0; ; tries++) {
    const answers = await fetch(`http://127.0.0.1:${port}/ping`).then(
      ({ ok }) => ok,
      () => false,
    );
    if (answers) return { port, stop: () => void child.kill() };
    if (child.exitCode !== null || tries > 300) throw new Error("the reference did not start");
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

function figures(bursts: readonly Burst[], starts: readonly number[]): Figure[] {
  const of = (subject: Subject, connections: number, what: keyof LoadResult) =>
    bursts.filter((one) => one.subject === subject && one.connections === connections).map((one) => one[what]);
  const ratio = of("gateway", 16, "perSecond").map((ours, i) => ours / (of("reference", 16, "perSecond")[i] as number));
  return [
    {
      what: "endpoint, one row a request, 16 connections, requests/s",
      value: median(ratio),
      unit: "x",
      reference: "gunicorn + Flask + xgboost 3.0.5, a gevent worker for each core",
      must: ">= 5",
    },
    { what: "endpoint, CreateEndpoint to InService", value: median(starts) / 1000, unit: "s", must: "<= 0.5" },
    ...subjects.flatMap((subject): Figure[] => [
      { what: `endpoint, ${subject}, 16 connections`, value: median(of(subject, 16, "perSecond")), unit: "requests/s" },
      { what: `endpoint, ${subject}, 16 connections, p50`, value: median(of(subject, 16, "p50")), unit: "ms" },
      { what: `endpoint, ${subject}, 16 connections, p99`, value: median(of(subject, 16, "p99")), unit: "ms" },
      { what: `endpoint, ${subject}, 1 connection, p50`, value: median(of(subject, 1, "p50")), unit: "ms" },
    ]),
  ];
}
