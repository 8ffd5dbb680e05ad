import { mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { canTrace, parseTrace, traceProgram } from "./testkit/system-calls.ts";

test("a call that was interrupted counts where it ends, an acknowledgement where it begins", () => {
  const trace = [
    "10 fsync(5</d/wal> <unfinished ...>",
    '11 write(1</dev/pts/0>, "ack\\n", 4 <unfinished ...>',
    "10 <... fsync resumed>) = 0",
    "11 <... write resumed>) = 4",
    '10 rename("/d/a", "/d/b") = -1 ENOENT (No such file or directory)',
    '10 rename("/d/a", "/d/b") = 0',
  ].join("\n");
  expect(parseTrace(trace)).toEqual([
    { call: "write", path: "stdout", text: "ack\\n" },
    { call: "fsync", path: "/d/wal", text: "" },
    { call: "rename", path: "/d/b", text: "/d/a" },
  ]);
});

describe.skipIf(!canTrace)("what the kernel is told (needs strace; Debian: apt-get install strace)", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await realpath(await mkdtemp(join(tmpdir(), "sagebrush-calls-")));
  });
  afterEach(() => rm(folder, { recursive: true }));

  test("a file is written, synced, renamed, its folder synced, and then acknowledged", () => {
    const calls = traceProgram(join(import.meta.dirname, "testkit", "write-files.ts"), [folder]);
    const ours = calls.filter(({ path }) => path.startsWith(folder) || path === "stdout");
    const steps = ours.map(({ call, path }) => `${call} ${path.replace(folder, "").replace(/\.[0-9a-f]{12}$/u, "")}`);
    expect(steps).toEqual(
      ["a", "b", "c"].flatMap((name) => [
        `write /.${name}`,
        `fsync /.${name}`,
        `rename /${name}`,
        "fsync ",
        "write stdout",
      ]),
    );
  });
});
