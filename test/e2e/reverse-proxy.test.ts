import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { Agent } from "node:http";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type RunningServer, root, startServer } from "../conformance/server.ts";

const hasNginx = spawnSync("nginx", ["-v"]).status === 0;

describe.skipIf(!hasNginx)("behind the documented nginx (needs nginx; Debian: apt-get install nginx-light)", () => {
  const folder = mkdtempSync(join(tmpdir(), "sagebrush-nginx-"));
  let server: RunningServer;
  let nginx: ReturnType<typeof spawn>;
  let port: number;

  beforeAll(async () => {
    port = await freePort();
    server = await startServer({ settings: ["--public-url", `http://ml.example.com:${port}`] });
    writeFileSync(join(folder, "nginx.conf"), configuration(port, server.url, folder));
    nginx = spawn("nginx", ["-p", folder, "-c", join(folder, "nginx.conf"), "-g", "daemon off;"], { stdio: "inherit" });
    await answers(port);
  });

  afterAll(async () => {
    const exit = new Promise((resolve) => nginx.once("exit", resolve));
    nginx.kill("SIGTERM");
    await exit;
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  test("signatures hold for the public name, odd keys included", async () => {
    const s3 = new S3Client({ ...client(), forcePathStyle: true });
    await s3.send(new CreateBucketCommand({ Bucket: "proxied" }));
    for (const key of ["plain", "a//b", "späße/☃ +&=?", "x/../y"]) {
      await s3.send(new PutObjectCommand({ Bucket: "proxied", Key: key, Body: `body of ${key}` }));
      const answer = await s3.send(new GetObjectCommand({ Bucket: "proxied", Key: key }));
      expect(await answer.Body?.transformToString()).toBe(`body of ${key}`);
    }
  });

  test("buckets answer on names below the public one", async () => {
    const s3 = new S3Client({ ...client(), forcePathStyle: false });
    await s3.send(new CreateBucketCommand({ Bucket: "below" }));
    await s3.send(new PutObjectCommand({ Bucket: "below", Key: "k", Body: "v" }));
    expect(await (await s3.send(new GetObjectCommand({ Bucket: "below", Key: "k" }))).Body?.transformToString()).toBe(
      "v",
    );
  });

  test("an unknown name is refused", async () => {
    const sts = new STSClient({ ...client(), endpoint: `http://other.example.com:${port}`, maxAttempts: 1 });
    await expect(sts.send(new GetCallerIdentityCommand({}))).rejects.toThrow();
  });

  function client() {
    // The public name is not in any DNS: it is dialled on loopback, the Host header stays.
    const lookup = (_name: string, options: { all?: boolean }, done: (...result: unknown[]) => void) =>
      options.all ? done(null, [{ address: "127.0.0.1", family: 4 }]) : done(null, "127.0.0.1", 4);
    return {
      endpoint: `http://ml.example.com:${port}`,
      region: "us-east-1",
      credentials: {
        accessKeyId: server.environment["AWS_ACCESS_KEY_ID"] ?? "",
        secretAccessKey: server.environment["AWS_SECRET_ACCESS_KEY"] ?? "",
      },
      requestHandler: { httpAgent: new Agent({ lookup: lookup as never }) },
    };
  }
});

/** The documented server block, on a free port without TLS, inside the smallest nginx.conf around it. */
function configuration(port: number, upstream: string, folder: string): string {
  const page = readFileSync(join(root, "docs", "guide", "reverse-proxy.md"), "utf8");
  const block = /<!-- snippet: nginx -->\n```nginx\n([\s\S]*?)```/.exec(page)?.[1] ?? "";
  const server = block
    .replace("listen 443 ssl;", `listen 127.0.0.1:${port};`)
    .replaceAll(/^ *ssl_certificate.*\n/gm, "")
    .replaceAll("http://127.0.0.1:9310", upstream);
  const paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (name) => `${name}_temp_path ${folder}/${name};`,
  );
  return [
    `user root; pid ${folder}/nginx.pid; error_log ${folder}/error.log; worker_processes 1;`,
    "events { worker_connections 64; }",
    `http { access_log off; ${paths.join(" ")}`,
    server,
    "}",
  ].join("\n");
}

async function answers(port: number): Promise<void> {
  const deadline = Date.now() + 10_000;
  for (;;) {
    try {
      await fetch(`http://127.0.0.1:${port}/_sagebrush/health`);
      return;
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address ? address.port : 0));
    });
  });
}
