import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { afterEach, beforeEach, expect, test } from "vitest";
import { streamSource } from "../objects/bytes/byte-source.ts";
import { Backend } from "../serving/routing/backend.ts";
import { Permits } from "./permits.ts";
import { noProcessing } from "./records/data-processing.ts";
import { PortionMemory } from "./splits/portions.ts";
import { transformObject } from "./transform-object.ts";
import type { TransformSettings } from "./transform-settings.ts";

const megabyte = 1024 ** 2;
const line = Buffer.from(`${"x".repeat(1023)}\n`);
let folder: string;
let server: Server;
let backend: Backend;
/** What the model answers to each request, in megabytes. */
let answerMegabytes: number | undefined;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "transform-object-"));
  answerMegabytes = undefined;
  server = createServer((request, response) => {
    if (answerMegabytes === undefined) return void request.pipe(response);
    request.resume().on("end", () => response.end(Buffer.alloc((answerMegabytes as number) * megabyte, line)));
  });
  server.listen(join(folder, "s"));
  await once(server, "listening");
  backend = new Backend("b-000000000000-1", `unix:${join(folder, "s")}`);
});
afterEach(() => {
  backend.close();
  server.closeAllConnections();
  server.close();
  rmSync(folder, { recursive: true, force: true });
});

const settings: TransformSettings = {
  splitType: "Line",
  assembleWith: "Line",
  isGzip: false,
  contentType: "text/csv",
  accept: undefined,
  client: { timeoutMs: 30_000, maxRetries: 0 },
  processing: noProcessing,
  strategy: "MultiRecord",
  maxConcurrentTransforms: 3,
  maxPayloadInMB: 1,
};

function transform(source: () => AsyncGenerator<Buffer>, changes: Partial<TransformSettings> = {}) {
  const all = { ...settings, ...changes };
  return transformObject({
    open: async () => Readable.from(source(), { objectMode: true, highWaterMark: 1 }),
    source: async () => streamSource(Readable.from(source(), { objectMode: true, highWaterMark: 1 })),
    memories: new PortionMemory(2),
    settings: all,
    server: { ready: async () => backend },
    permits: new Permits(all.maxConcurrentTransforms),
    folder,
    signal: new AbortController().signal,
    onRead: () => {},
  });
}

test("an object of any size is read no further than its requests under way", async () => {
  let read = 0;
  async function* source(): AsyncGenerator<Buffer> {
    for (let i = 0; i < 200; i++) {
      read += megabyte;
      yield Buffer.alloc(megabyte, line);
    }
  }
  const output = transform(source);
  let written = 0;
  for await (const chunk of output) {
    // A slow store: everything that could go on without it has had its turn.
    for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
    expect(read - written).toBeLessThanOrEqual(7 * megabyte);
    written += chunk.length;
  }
  expect(written).toBe(200 * megabyte);
});

test("an answer that is too large for memory waits in a file, which goes with it", async () => {
  answerMegabytes = 50;
  async function* source(): AsyncGenerator<Buffer> {
    yield line;
  }
  let written = 0;
  for await (const chunk of transform(source)) {
    expect(chunk.length).toBeLessThanOrEqual(17 * megabyte);
    written += chunk.length;
  }
  expect(written).toBe(50 * megabyte);
  expect(readdirSync(folder)).toEqual(["s"]);
});

test("an output that nobody wants any more leaves nothing behind", async () => {
  answerMegabytes = 20;
  const permits = new Permits(3);
  async function* source(): AsyncGenerator<Buffer> {
    for (let i = 0; i < 50; i++) yield Buffer.alloc(megabyte, line);
  }
  const output = transformObject({
    open: async () => Readable.from(source()),
    source: async () => streamSource(Readable.from(source())),
    memories: new PortionMemory(2),
    settings,
    server: { ready: async () => backend },
    permits,
    folder,
    signal: new AbortController().signal,
    onRead: () => {},
  });
  for await (const _ of output) break;
  // All permits are free again, and no file is left.
  for (let i = 0; i < 3; i++) await permits.acquire();
  expect(readdirSync(folder)).toEqual(["s"]);
});
