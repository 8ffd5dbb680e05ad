import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Pool } from "undici";
import { startPlatform } from "./support/platform.ts";
import { referencePython } from "./support/reference-process.ts";
import { median, report } from "./support/report.ts";
import { SignedClient } from "./support/signed-client.ts";

/**
 * S3 objects: PUT and GET of 4 KiB by 16 clients and of 64 MiB by one, against moto's server (in memory, not durable)
 * and a bare file server with fsync. The servers take turns, round by round. Small bodies are signed, large ones are
 * sent as UNSIGNED-PAYLOAD; the file server checks no signature. Client and server share the machine.
 */
const rounds = 5;
const clients = 16;
const small = { bytes: randomBytes(4 * 1024), seconds: 1.5, keys: 500 };
const large = { bytes: randomBytes(64 * 1024 * 1024), times: 3 };
const reference = join(import.meta.dirname, "s3-reference");

interface Subject {
  readonly name: string;
  readonly url: string;
  readonly signer: SignedClient | undefined;
  readonly pool: Pool;
  readonly stop: () => Promise<void>;
  /** Rates by what was measured: operations or megabytes a second. */
  readonly rates: Map<string, number[]>;
}

const folder = mkdtempSync(join(tmpdir(), "sagebrush-bench-s3-"));
const subjects: Subject[] = [];
try {
  subjects.push(await sagebrush(), await moto(), await fileServer());
  const [own, mock, bare] = subjects as [Subject, Subject, Subject];
  for (const subject of [own, mock]) await send(subject, "PUT", "/bench", Buffer.alloc(0));
  // The first round warms everything up and is not counted.
  for (let round = 0; round <= rounds; round++) {
    const order = round % 2 === 0 ? subjects : subjects.toReversed();
    for (const subject of order) await measureSmall(subject, round > 0);
    for (const subject of order.filter((one) => one !== mock)) await measureLarge(subject, round > 0);
  }
  const figures = [];
  for (const verb of ["PUT", "GET"]) {
    const what = `${verb} 4 KiB`;
    figures.push(
      {
        what: `${what}, 16 clients, over moto`,
        value: rate(own, what) / rate(mock, what),
        unit: "x",
        reference: "moto's server",
        must: ">= 5",
      },
      { what: `${what}, 16 clients`, value: rate(own, what), unit: "/s" },
      { what: `${what}, 16 clients, moto`, value: rate(mock, what), unit: "/s" },
      { what: `${what}, 16 clients, bare file server`, value: rate(bare, what), unit: "/s" },
    );
  }
  for (const verb of ["PUT", "GET"]) {
    const what = `${verb} 64 MiB`;
    figures.push(
      {
        what: `${what}, of the file server`,
        value: (100 * rate(own, what)) / rate(bare, what),
        unit: "%",
        reference: "bare node:http file server with fsync",
        must: ">= 70",
      },
      { what, value: rate(own, what), unit: "MB/s" },
      { what: `${what}, bare file server`, value: rate(bare, what), unit: "MB/s" },
    );
  }
  report("s3", figures);
} finally {
  for (const subject of subjects) {
    await subject.pool.destroy();
    await subject.stop();
  }
  rmSync(folder, { recursive: true, force: true });
}

async function measureSmall(subject: Subject, counts: boolean): Promise<void> {
  for (const verb of ["PUT", "GET"] as const) {
    const end = performance.now() + small.seconds * 1000;
    const started = performance.now();
    let done = 0;
    const client = async (): Promise<void> => {
      while (performance.now() < end) {
        // Every key is put in the first round, so that every later GET finds it.
        const key = done++ % small.keys;
        await send(subject, verb, `/bench/small-${key}`, verb === "PUT" ? small.bytes : undefined);
      }
    };
    if (verb === "GET")
      for (let key = 0; key < small.keys; key++)
        if (!counts) await send(subject, "PUT", `/bench/small-${key}`, small.bytes);
    await Promise.all(Array.from({ length: clients }, client));
    if (counts) note(subject, `${verb} 4 KiB`, done / ((performance.now() - started) / 1000));
  }
}

async function measureLarge(subject: Subject, counts: boolean): Promise<void> {
  for (const verb of ["PUT", "GET"] as const) {
    for (let time = 0; time < large.times; time++) {
      const started = performance.now();
      await send(subject, verb, "/bench/large", verb === "PUT" ? large.bytes : undefined);
      if (counts) note(subject, `${verb} 64 MiB`, large.bytes.length / 1000 / (performance.now() - started));
    }
  }
}

/** One request, its answer read to the end and thrown away. */
async function send(
  { signer, pool }: Subject,
  method: "PUT" | "GET",
  path: string,
  body: Buffer | undefined,
): Promise<void> {
  const unsigned: Record<string, string> =
    body && body.length > 1_000_000 ? { "x-amz-content-sha256": "UNSIGNED-PAYLOAD" } : {};
  const headers = signer?.signed(method, path, unsigned["x-amz-content-sha256"] ? "" : (body ?? ""), unsigned) ?? {};
  if (body) headers["content-length"] = String(body.length);
  else delete headers["content-length"];
  const answer = await pool.request({ method, path, headers, body: body ?? null });
  // Not `dump`, which hangs up on a long body instead of reading it.
  for await (const _ of answer.body);
  if (answer.statusCode >= 300) throw new Error(`${method} ${path} was answered with ${answer.statusCode}`);
}

function note(subject: Subject, what: string, value: number): void {
  subject.rates.set(what, [...(subject.rates.get(what) ?? []), value]);
}

function rate(subject: Subject, what: string): number {
  return median(subject.rates.get(what) as number[]);
}

async function sagebrush(): Promise<Subject> {
  const platform = await startPlatform(join(folder, "sagebrush"));
  return subjectOf("sagebrush", platform.url, platform.credentials, () => platform.stop());
}

async function moto(): Promise<Subject> {
  const python = referencePython("s3", join(reference, "requirements.txt"));
  const port = await freePort();
  const child = spawn(python, ["-c", "from moto.server import main; main()", "-H", "127.0.0.1", "-p", String(port)], {
    stdio: "ignore",
  });
  const url = `http://127.0.0.1:${port}`;
  while (
    !(await fetch(url).then(
      (answer) => answer.arrayBuffer(),
      () => undefined,
    ))
  ) {
    if (child.exitCode !== null) throw new Error("moto's server ended at its start");
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return subjectOf("moto", url, { accessKeyId: "test", secretAccessKey: "test" }, () => end(child));
}

async function fileServer(): Promise<Subject> {
  const child = spawn(process.execPath, [join(reference, "file-server.ts"), folder], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const lines = createInterface({ input: child.stdout });
  const { value: port } = await lines[Symbol.asyncIterator]().next();
  return subjectOf("file server", `http://127.0.0.1:${port}`, undefined, () => end(child));
}

function subjectOf(
  name: string,
  url: string,
  credentials: { accessKeyId: string; secretAccessKey: string } | undefined,
  stop: () => Promise<void>,
): Subject {
  const signer = credentials && new SignedClient({ url, credentials, service: "s3" });
  return { name, url, signer, stop, pool: new Pool(url, { connections: clients, pipelining: 1 }), rates: new Map() };
}

async function end(child: ChildProcess): Promise<void> {
  const exit = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  await exit;
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address ? address.port : 0));
    });
  });
}
