import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { nodeFileLayer } from "../../durable/file-layer.ts";
import { DigestThread } from "../checksums/digest-thread.ts";
import { ByteFiles } from "./byte-files.ts";
import { ingest } from "./ingest.ts";

let folder: string;
let files: ByteFiles;
const thread = new DigestThread();

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "sagebrush-ingest-"));
  files = new ByteFiles(folder, nodeFileLayer);
  await files.open();
});

afterEach(async () => {
  await thread.close();
  rmSync(folder, { recursive: true, force: true });
});

/** A megabyte and a half in chunks that fit no block, each in memory of its own but the last, which is part of more. */
function chunks(): Buffer[] {
  const whole = Array.from({ length: 15 }, () => {
    const chunk = Buffer.alloc(100_003);
    randomBytes(chunk.length).copy(chunk);
    return chunk;
  });
  const around = Buffer.alloc(2_000, 7);
  return [...whole, around.subarray(500, 1_500)];
}

test.each([true, false])(
  "a long body is stored whole; its chunks' memory goes only where it is owned (%s)",
  async (owned) => {
    const given = chunks();
    const expected = Buffer.concat(given);
    async function* body() {
      yield* given;
    }
    const parts = { files, thread, inlineBytes: 0, owned };
    const ingested = await ingest(body(), ["MD5"], parts, () => "unused");
    expect(readFileSync(files.path(ingested.bytes.id)).equals(expected)).toBe(true);
    expect(ingested.digests.MD5).toBe(createHash("md5").update(expected).digest("base64"));
    expect(given.slice(0, -1).every((chunk) => chunk.length === (owned ? 0 : 100_003))).toBe(true);
    expect(given.at(-1)).toHaveLength(1_000);
  },
);
