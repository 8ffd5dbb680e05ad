import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryDirectory } from "../testkit/temporary-directory.ts";
import { CheckpointFile, fingerprint, restoreInto } from "./checkpoint-file.ts";

const print = fingerprint([{ k: 3 }, 100]);
const open = (directory: string, with_ = print) => new CheckpointFile<{ epoch: number }>(directory, "some", with_);

test("a checkpoint is restored as it was saved, the newest one", async () => {
  const directory = temporaryDirectory();
  await open(directory).save({ epoch: 1 }, [Float32Array.of(9)]);
  await open(directory).save({ epoch: 2 }, [Float32Array.of(1.5, -2), Float64Array.of(1e-300), new Int32Array(0)]);
  const found = await open(directory).restore();
  expect(found?.state).toEqual({ epoch: 2 });
  const [first, second] = [new Float32Array(2), new Float64Array(1)];
  restoreInto(first, found?.arrays[0] as Uint8Array);
  restoreInto(second, found?.arrays[1] as Uint8Array);
  expect([...first, ...second]).toEqual([1.5, -2, 1e-300]);
  expect(found?.arrays[2]).toHaveLength(0);
});

test("training begins again without a checkpoint, with another's, a foreign one or half of one", async () => {
  const directory = temporaryDirectory();
  expect(await open(directory).restore()).toBeUndefined();
  await open(directory).save({ epoch: 1 }, [new Float32Array(100)]);
  expect(await open(directory, fingerprint([{ k: 4 }, 100])).restore()).toBeUndefined();
  const path = join(directory, "some.checkpoint");
  const whole = readFileSync(path);
  writeFileSync(path, whole.subarray(0, whole.length - 4));
  expect(await open(directory).restore()).toBeUndefined();
  writeFileSync(path, "something else\n");
  expect(await open(directory).restore()).toBeUndefined();
});
