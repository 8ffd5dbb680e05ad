import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { CreateBucketCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { PodmanService, podmanLimits } from "../packages/server/src/engines/docker/testkit/podman-service.ts";
import { requirements } from "../packages/server/src/engines/requirements.ts";
import { pythonEnvironment, pythonMissing, pythonOf } from "../scripts/setup/python-environment.mjs";
import { root, runStage } from "../scripts/setup.mjs";
import { startPlatform } from "./support/platform.ts";
import { median, report } from "./support/report.ts";

/**
 * One script in one image through the SageMaker Python SDK, which is the client in both: by its local mode, which drives
 * docker-compose, and as a training job here, in containers of the same Podman. From calling fit() to the script's
 * first line, by the script's own clock, and to the return of fit(). The two take turns.
 */
const rounds = Number(process.env["SAGEBRUSH_BENCH_ROUNDS"] ?? "5");
const image = "localhost/local-mode:1";
const script = `#!/bin/sh
echo FIRST $(cut -d ' ' -f 1 /proc/uptime)
cp /opt/ml/input/data/train/rows.csv /opt/ml/model/
`;

/** Seconds of one round. */
interface Round {
  readonly toFirstLine: number;
  readonly toReturn: number;
}

function missing(): string[] {
  const compose = [
    ["docker", "compose", "version"],
    ["docker-compose", "version"],
  ] as const;
  const works = ([program, ...args]: readonly string[]) => spawnSync(program as string, args).status === 0;
  return [
    ...(requirements.containers.met ? [] : [requirements.containers.name]),
    ...(works(["docker", "--version"]) ? [] : ["the docker command (Debian: docker.io or docker-cli)"]),
    ...(compose.some(works) ? [] : ["docker compose (Debian: docker-compose)"]),
    ...(pythonMissing() === undefined ? [] : [pythonMissing() as string]),
  ];
}

async function main(): Promise<void> {
  await runStage(pythonEnvironment("sagemaker-v2"));
  const folder = mkdtempSync(join(tmpdir(), "sagebrush-local-mode-"));
  const limits = podmanLimits.map(({ name, soft, hard }) => `${name}=${soft}:${hard}`);
  // Compose files of the SDK's name no limits.
  const podman = await PodmanService.open(["[containers]", `default_ulimits=${JSON.stringify(limits)}`]);
  const local: Round[] = [];
  const here: Round[] = [];
  try {
    await podman.baseImage(image, {
      changes: ["ENV PATH=/bin"],
      async add(files) {
        await mkdir(join(files, "bin"), { recursive: true });
        await writeFile(join(files, "bin/train"), script, { mode: 0o755 });
      },
    });
    mkdirSync(join(folder, "train"));
    writeFileSync(join(folder, "train/rows.csv"), "1,2\n");
    const platform = await startPlatform(join(folder, "data"), 0, [
      ...["--engine", "docker", "--docker-host", `unix://${podman.socketPath}`],
      ...limits.flatMap((limit) => ["--docker-ulimit", limit]),
    ]);
    try {
      await upload(platform);
      const ours = new Fitting("platform", "s3://bench/train/", "s3://bench/out", folder, {
        AWS_ENDPOINT_URL: platform.url,
        AWS_ACCESS_KEY_ID: platform.credentials.accessKeyId,
        AWS_SECRET_ACCESS_KEY: platform.credentials.secretAccessKey,
      });
      const theirs = new Fitting("local", `file://${folder}/train`, `file://${folder}/out`, folder, {
        DOCKER_HOST: `unix://${podman.socketPath}`,
        ...{ AWS_ACCESS_KEY_ID: "none", AWS_SECRET_ACCESS_KEY: "none" },
      });
      try {
        // The first of each loads what is loaded on demand; they are not measured.
        for (const each of [ours, theirs]) await each.fit();
        for (let round = 0; round < rounds; round++) {
          here.push(await ours.fit());
          local.push(await theirs.fit());
        }
      } finally {
        await Promise.all([ours.close(), theirs.close()]);
      }
    } finally {
      await platform.stop();
    }
  } finally {
    await podman.close();
    rmSync(folder, { recursive: true, force: true });
  }
  const middle = (of: readonly Round[], what: keyof Round) => median(of.map((round) => round[what]));
  report("training-local-mode", [
    { what: "fit() here to the script's first line, median", value: middle(here, "toFirstLine"), unit: "s" },
    { what: "fit() in local mode to the script's first line, median", value: middle(local, "toFirstLine"), unit: "s" },
    {
      what: "here over local mode, first line",
      value: middle(here, "toFirstLine") / middle(local, "toFirstLine"),
      unit: "",
      reference: "the SDK's local mode, same image and Podman",
      must: "< 1",
    },
    { what: "fit() here to its return, median", value: middle(here, "toReturn"), unit: "s" },
    { what: "fit() in local mode to its return, median", value: middle(local, "toReturn"), unit: "s" },
  ]);
}

/** The SDK in a process of its own, loaded and waiting for the next round. */
class Fitting {
  readonly #child;
  readonly #lines: AsyncIterator<string>;

  constructor(where: string, data: string, output: string, folder: string, environment: Record<string, string>) {
    const settings = join(folder, "sdk.yaml");
    const optOut = "SageMaker:\n  PythonSDK:\n    Modules:\n      TelemetryOptOut: true\n";
    writeFileSync(settings, `SchemaVersion: '1.0'\n${optOut}`);
    const program = join(import.meta.dirname, "local-mode", "fit.py");
    this.#child = spawn(pythonOf(root, "sagemaker-v2"), [program, where, image, data, output], {
      stdio: ["pipe", "pipe", "pipe"],
      env: {
        ...{ PATH: process.env["PATH"], HOME: folder, TMPDIR: folder, AWS_DEFAULT_REGION: "us-east-1" },
        ...{ SAGEMAKER_USER_CONFIG_OVERRIDE: settings, PYTHONUNBUFFERED: "1" },
        ...environment,
      },
    });
    let said = "";
    this.#child.stderr.on("data", (chunk: Buffer) => {
      said = (said + String(chunk)).slice(-4000);
    });
    this.#child.on("exit", (code) => {
      if (code !== 0) process.stderr.write(said);
    });
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  async fit(): Promise<Round> {
    this.#child.stdin.write("\n");
    const times: Record<string, number> = {};
    while (times["ENDED"] === undefined) {
      const { value, done } = await this.#lines.next();
      if (done === true) throw new Error("The SDK ended in the middle of a round");
      const [, what, time] = /(ASKED|FIRST|ENDED) (\d+\.\d+)/.exec(value) ?? [];
      if (what !== undefined) times[what] = Number(time);
    }
    const { ASKED: asked = 0, FIRST: first, ENDED: ended } = times;
    if (first === undefined) throw new Error("The script's first line was not shown");
    return { toFirstLine: first - asked, toReturn: ended - asked };
  }

  async close(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const exit = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.stdin.end();
    await exit;
  }
}

async function upload({ url, credentials }: Awaited<ReturnType<typeof startPlatform>>): Promise<void> {
  const s3 = new S3Client({ endpoint: url, region: "us-east-1", credentials, forcePathStyle: true });
  await s3.send(new CreateBucketCommand({ Bucket: "bench" }));
  await s3.send(new PutObjectCommand({ Bucket: "bench", Key: "train/rows.csv", Body: "1,2\n" }));
  s3.destroy();
}

const lacks = missing();
if (lacks.length > 0) process.stdout.write(`training-local-mode is skipped: this machine lacks ${lacks.join(", ")}.\n`);
else await main();
