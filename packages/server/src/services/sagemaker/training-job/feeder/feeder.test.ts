import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, symlink, truncate, unlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { isAlive, type ProcessIdentity, parseIdentity } from "../../../../process-identity.ts";
import type { FeedChannel, FeedSegment, FeedUnit } from "./feed-plan.ts";
import { Feeder } from "./feeder.ts";

let root: string;
let feeder: Feeder;
const started: { kill(signal: "SIGKILL"): void }[] = [];

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "sagebrush-feeder-"));
  feeder = new Feeder(join(root, "feeder"));
  await mkdir(join(root, "data"));
});
afterEach(async () => {
  for (const child of started.splice(0)) child.kill("SIGKILL");
  await feeder.end();
  await rm(root, { recursive: true, force: true });
});

let files = 0;

/** An object with this content. */
async function object(content: string | Buffer): Promise<Extract<FeedSegment, { file: string }>> {
  const file = join(root, `object-${files++}`);
  await writeFile(file, content);
  return { file, sizeBytes: Buffer.byteLength(content), uri: `s3://b/${content.toString("latin1").slice(0, 8)}` };
}

const plain = { share: { index: 0, count: 1 }, gzip: false, recordIo: false };

/** Writes the units of channels by name, and gives their plan. */
function channels(all: Readonly<Record<string, { units: readonly FeedUnit[] } & Partial<Omit<FeedChannel, "units">>>>) {
  return async () => {
    const made: FeedChannel[] = [];
    for (const [name, { units, ...changes }] of Object.entries(all)) {
      const lines = units.map((unit) => `${JSON.stringify(unit)}\n`);
      await writeFile(join(feeder.folder, `units-${name}`), lines.join(""));
      made.push({ ...plain, ...changes, name, units: `units-${name}` });
    }
    return { directory: join(root, "data"), channels: made };
  };
}

const fifo = (name: string) => join(root, "data", name);

/** Reads a FIFO as a run does, in a process of its own: one that waits would hold a thread of ours. */
function reader(name: string) {
  const child = spawn("cat", [fifo(name)], { stdio: ["ignore", "pipe", "ignore"] });
  started.push(child);
  return child;
}

/** What a FIFO holds, once it is there. */
async function epoch(name: string): Promise<Buffer> {
  await expect.poll(() => existsSync(fifo(name))).toBe(true);
  return buffer(reader(name).stdout);
}

const text = async (name: string) => (await epoch(name)).toString();

async function identity(): Promise<ProcessIdentity> {
  return parseIdentity(await readFile(join(feeder.folder, "pid"), "utf8")) as ProcessIdentity;
}

describe("an epoch", () => {
  test("has every unit in order, and the next one waits in its own FIFO", async () => {
    const units = [[await object("one ")], [await object("two "), { text: "and " }], [await object("three")]];
    await feeder.start(channels({ train: { units } }));
    expect(await feeder.observe()).toEqual({ phase: "feeding" });
    expect(existsSync(fifo("train_0"))).toBe(true);
    for (const name of ["train_0", "train_1", "train_2"]) expect(await text(name)).toBe("one two and three");
    expect(existsSync(fifo("train_0"))).toBe(false);
  });

  test("has an order of its own under a seed, the same one each time", async () => {
    const units = Array.from({ length: 20 }, (_, i) => [{ text: `${i} ` }]);
    const read = async () => {
      await feeder.start(channels({ train: { units, seed: 4 } }));
      const epochs = [await text("train_0"), await text("train_1")];
      await feeder.end();
      await rm(fifo("train_2"));
      return epochs;
    };
    const [first, second] = await read();
    expect(first).not.toBe(second);
    expect(first?.split(" ").sort()).toEqual(second?.split(" ").sort());
    expect(await read()).toEqual([first, second]);
  });

  test("has this host's share, which may be nothing", async () => {
    const units = [[await object("a")], [await object("b")], [await object("c")]];
    const share = (index: number, count: number) => ({ units, share: { index, count } });
    await feeder.start(channels({ odd: share(1, 2), even: share(0, 2), none: share(5, 6) }));
    expect([await text("even_0"), await text("odd_0"), await text("none_0"), await text("none_1")]).toEqual([
      "ac",
      "b",
      "",
      "",
    ]);
  });

  test.for([5, 9])("of %i MiB that is closed early is done: the next one is whole", async (mebibytes) => {
    const large = Buffer.alloc(mebibytes * 2 ** 20, "x");
    await feeder.start(channels({ train: { units: [[await object(large)]] } }));
    const child = reader("train_0");
    await once(child.stdout, "readable");
    child.kill("SIGKILL");
    expect((await epoch("train_1")).equals(large)).toBe(true);
  });

  test("of 10 GB begins long before all of it is read", async () => {
    const head = await object("head");
    const sizeBytes = 10 * 2 ** 30;
    await truncate(head.file, sizeBytes);
    await feeder.start(channels({ train: { units: [[{ ...head, sizeBytes }]] } }));
    const child = reader("train_0");
    await once(child.stdout, "readable");
    expect((child.stdout.read() as Buffer).toString("latin1", 0, 4)).toBe("head");
    const { pid } = await identity();
    const read = Number(/^rchar: (\d+)$/m.exec(await readFile(`/proc/${pid}/io`, "utf8"))?.[1]);
    expect(read).toBeLessThan(64 * 2 ** 20); // its own program included
  });

  test("of many sizes arrives byte for byte", async () => {
    const sizes = [0, 1, 65_536, 65_537, 1_048_576, 3_000_001, 7, 2 ** 23, 2 ** 23 + 1, 5];
    const contents = sizes.map((size, i) => Buffer.alloc(size, `${i}-${size}`));
    const units = await Promise.all(contents.map(async (content) => [await object(content)]));
    await feeder.start(channels({ train: { units } }));
    expect((await epoch("train_0")).equals(Buffer.concat(contents))).toBe(true);
  });
});

describe("a stream's form", () => {
  /** One RecordIO record. */
  const record = (content: string | Buffer) => {
    const head = Buffer.alloc(8);
    head.writeUInt32LE(0xced7230a, 0);
    head.writeUInt32LE(Buffer.byteLength(content), 4);
    return Buffer.concat([head, Buffer.from(content), Buffer.alloc(-Buffer.byteLength(content) & 3)]);
  };

  test("wraps each object and each attribute in a RecordIO record", async () => {
    const units = [
      [{ text: "7" }, await object("image")],
      [{ text: "12" }, await object("")],
    ];
    await feeder.start(channels({ train: { units, recordIo: true } }));
    const expected = ["7", "image", "12", ""].map(record);
    expect((await epoch("train_0")).equals(Buffer.concat(expected))).toBe(true);
  });

  test("unpacks gzip objects, members and all", async () => {
    const members = Buffer.concat([gzipSync("a,b\n"), gzipSync("c,d\n")]);
    await feeder.start(
      channels({ train: { units: [[await object(members)], [await object(gzipSync("e"))]], gzip: true } }),
    );
    expect(await text("train_0")).toBe("a,b\nc,d\ne");
  });

  test("wraps what it unpacked, held or measured first", async () => {
    const contents = [Buffer.from("small"), Buffer.alloc(5 * 2 ** 20 + 1, "large")];
    const units = await Promise.all(contents.map(async (each) => [await object(gzipSync(each))]));
    await feeder.start(channels({ train: { units, gzip: true, recordIo: true } }));
    expect((await epoch("train_0")).equals(Buffer.concat(contents.map(record)))).toBe(true);
  });
});

describe("when something breaks", () => {
  test.for([
    ["no gzip file", "not gzip", /s3:\/\/b\/not gzip is not a gzip file that can be unpacked: incorrect header check/],
    [
      "cut off",
      gzipSync("x".repeat(99)).subarray(0, 20),
      /is not a gzip file that can be unpacked: unexpected end of file/,
    ],
  ] as const)("an object that is %s is named, and the reader sees no end", async ([, content, message]) => {
    const units = [[await object(gzipSync("first"))], [await object(content as Buffer)]];
    await feeder.start(channels({ train: { units, gzip: true }, other: { units: [[{ text: "fine" }]] } }));
    const child = reader("train_0");
    await expect.poll(() => feeder.observe()).toMatchObject({ phase: "failed", fault: { by: "input", message } });
    expect(child.exitCode).toBeNull();
    expect(await text("other_0")).toBe("fine");
    expect(child.exitCode).toBeNull();
  });

  test("an object file that lost bytes is the platform's fault", async () => {
    const segment = { ...(await object("x".repeat(100))), sizeBytes: 200 } as FeedSegment;
    await feeder.start(channels({ train: { units: [[segment]] } }));
    reader("train_0");
    await expect.poll(() => feeder.observe()).toMatchObject({ phase: "failed", fault: { by: "platform" } });
  });

  test("a feeder that is killed leaves its run untrusted, until it is started anew", async () => {
    await feeder.start(channels({ train: { units: [[await object("x")]] } }));
    process.kill((await identity()).pid, "SIGKILL");
    const message = expect.stringContaining("may have been cut off");
    await expect.poll(() => feeder.observe()).toMatchObject({ phase: "failed", fault: { by: "platform", message } });
    await feeder.start(channels({ train: { units: [[await object("y")]] } }));
    expect(await text("train_0")).toBe("y");
  });

  test("a run that puts a link in a FIFO's place reaches nothing by it", async () => {
    const victim = join(root, "victim");
    await writeFile(victim, "mine");
    await feeder.start(channels({ train: { units: [[await object("x")]] }, other: { units: [[{ text: "fine" }]] } }));
    expect(await text("train_0")).toBe("x");
    // The feeder waits on the second FIFO by now; the name of the third is free.
    await symlink(victim, fifo("train_2"));
    expect(await text("train_1")).toBe("x");
    expect(await text("other_0")).toBe("fine");
    expect(await readFile(victim, "utf8")).toBe("mine");
    await unlink(fifo("train_2"));
    expect(await feeder.observe()).toEqual({ phase: "feeding" });
  });

  test("a feeder whose folder is gone ends by itself", async () => {
    await feeder.start(channels({ train: { units: [[await object("x")]] } }));
    const who = await identity();
    await rm(feeder.folder, { recursive: true });
    await expect.poll(() => isAlive(who), { timeout: 10_000 }).toBe(false);
  });
});

test("a feeder outlives who started it: the epoch goes on, and is found again", async () => {
  const large = Buffer.alloc(8 * 2 ** 20, "0123456789");
  const plan = channels({ train: { units: [[await object(large)]] } });
  await mkdir(feeder.folder);
  const planned = await plan();
  const module = pathToFileURL(join(import.meta.dirname, "feeder.ts")).href;
  const code = `
    const { Feeder } = await import(${JSON.stringify(module)});
    await new Feeder(${JSON.stringify(feeder.folder)}).start(async () => {
      const { writeFileSync } = await import("node:fs");
      writeFileSync(${JSON.stringify(join(feeder.folder, "units-train"))}, ${JSON.stringify(
        await readFile(join(feeder.folder, "units-train"), "utf8"),
      )});
      return ${JSON.stringify(planned)};
    });
    console.log("ready");
    setInterval(() => {}, 1000);
  `;
  const server = spawn(process.execPath, ["--input-type=module", "-e", code], { stdio: ["ignore", "pipe", "inherit"] });
  started.push(server);
  await once(server.stdout, "data");
  const before = await identity();
  const child = reader("train_0");
  await once(child.stdout, "readable");
  server.kill("SIGKILL");
  await once(server, "exit");
  await feeder.start(() => Promise.reject(new Error("a feeder that is alive needs no plan")));
  expect(await identity()).toEqual(before);
  expect((await buffer(child.stdout)).equals(large)).toBe(true);
  expect((await epoch("train_1")).equals(large)).toBe(true);
  await feeder.end();
  expect(isAlive(before)).toBe(false);
  expect(await feeder.observe()).toEqual({ phase: "absent" });
});
