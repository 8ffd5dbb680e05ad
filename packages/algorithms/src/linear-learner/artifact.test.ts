import { execFileSync } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { readZip, writeZip } from "../formats/zip.ts";
import { temporaryDirectory } from "../testkit/temporary-directory.ts";
import type { TrainedModel } from "./artifact.ts";
import { loadModel, saveModel } from "./artifact.ts";

const model: TrainedModel = {
  predictorType: "multiclass_classifier",
  loss: "softmax_loss",
  threshold: 0.25,
  linear: {
    features: 2,
    outputs: 3,
    weights: Float32Array.of(1, 2, 3, 4, 5, -6.5),
    bias: Float32Array.of(0.5, 0, 1e-20),
  },
};

test("a model is read as it was written", async () => {
  const directory = temporaryDirectory();
  await saveModel(directory, model);
  expect(await loadModel(directory)).toEqual(model);
});

test("the archive is a ZIP that other programs open, with the service's file names", async () => {
  const directory = temporaryDirectory();
  await saveModel(directory, model);
  const list = "import sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); print(z.testzip(), sorted(z.namelist()))";
  const listed = execFileSync("python3", ["-c", list, join(directory, "model_algo-1")], { encoding: "utf8" });
  expect(listed.trim()).toBe(
    "None ['additional-params.json', 'manifest.json', 'mx-mod-0000.params', 'mx-mod-symbol.json']",
  );
});

test("a damaged or foreign artifact is refused with the reason", async () => {
  const directory = temporaryDirectory();
  await saveModel(directory, model);
  const path = join(directory, "model_algo-1");
  const bytes = await readFile(path);
  const broken = Buffer.from(bytes);
  const at = broken.indexOf("arg:fc0_weight");
  broken[at] = 0x41;
  await writeFile(path, broken);
  await expect(loadModel(directory)).rejects.toThrow("its checksum differs");
  await writeFile(path, "something else");
  await expect(loadModel(directory)).rejects.toThrow("not a ZIP archive");
  await writeFile(path, writeZip([{ name: "additional-params.json", bytes: Buffer.from("{}") }]));
  await expect(loadModel(directory)).rejects.toThrow("not a linear-learner model of format version 1");
});

test("archives are read as they were written", () => {
  const file = fc.record({ name: fc.stringMatching(/^[a-z]{1,12}$/), bytes: fc.uint8Array() });
  fc.assert(
    fc.property(fc.uniqueArray(file, { selector: ({ name }) => name }), (files) => {
      const read = readZip(writeZip(files));
      expect([...read].map(([name, bytes]) => [name, [...bytes]])).toEqual(
        files.map(({ name, bytes }) => [name, [...bytes]]),
      );
    }),
  );
});
