import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type NamedArray, writeArrayList } from "../formats/mxnet/array-list.ts";
import { writeZip } from "../formats/zip.ts";
import { temporaryDirectory } from "../testkit/temporary-directory.ts";
import { type FactorizationModel, loadModel, saveModel } from "./artifact.ts";
import { reference } from "./fixtures/reference.ts";
import { predictor } from "./predict.ts";
import { symbolOf } from "./symbol.ts";

const model: FactorizationModel = {
  predictorType: "regressor",
  width: 3,
  factors: 2,
  parameters: { bias: 0.5, linear: Float32Array.of(1, -1, 2), factors: Float32Array.of(1, 2, 3, 4, 5, 6) },
};

test.for(["regressor", "binary_classifier"] as const)("a %s is read as it was written", async (predictorType) => {
  const directory = temporaryDirectory();
  await saveModel(directory, { ...model, predictorType });
  expect(await loadModel(directory)).toEqual({ ...model, predictorType });
});

test("the archive is a ZIP that other programs open, with the service's file names", async () => {
  const directory = temporaryDirectory();
  await saveModel(directory, model);
  const list = "import sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); print(z.testzip(), sorted(z.namelist()))";
  const listed = execFileSync("python3", ["-c", list, join(directory, "model_algo-1")], { encoding: "utf8" });
  expect(listed.trim()).toBe("None ['params', 'symbol.json']");
});

test.for(["regressor", "binary_classifier"] as const)(
  "the graph of a %s is the one that MXNet writes itself",
  (predictorType) => {
    const { nodes, arg_nodes, heads } = symbolOf({ ...model, predictorType });
    const theirs = reference.symbols[predictorType];
    expect({ nodes, arg_nodes, heads }).toEqual({
      nodes: theirs.nodes,
      arg_nodes: theirs.arg_nodes,
      heads: theirs.heads,
    });
  },
);

test("scores are the paper's equation, by every pair", () => {
  const rows = { kind: "dense", count: 1, width: 3, values: Float32Array.of(2, 0.5, -1) } as const;
  const x = [...rows.values];
  const { bias, linear, factors } = model.parameters;
  const product = (i: number, j: number) =>
    [0, 1].reduce((sum, f) => sum + (factors[2 * i + f] ?? 0) * (factors[2 * j + f] ?? 0), 0);
  let wanted = bias + x.reduce((sum, value, i) => sum + value * (linear[i] as number), 0);
  for (let i = 0; i < 3; i++) for (let j = i + 1; j < 3; j++) wanted += product(i, j) * (x[i] ?? 0) * (x[j] ?? 0);
  const [score] = predictor(model).predict(rows, { acceptParameters: new Map() }).columns;
  expect(score?.values[0]).toBeCloseTo(wanted, 10);
});

test("an artifact that is none is refused with what it holds", async () => {
  const directory = temporaryDirectory();
  const path = join(directory, "model_algo-1");
  const write = (symbol: unknown, arrays: readonly NamedArray[]) =>
    writeFileSync(
      path,
      writeZip([
        { name: "symbol.json", bytes: Buffer.from(JSON.stringify(symbol)) },
        { name: "params", bytes: writeArrayList(arrays) },
      ]),
    );
  const own = symbolOf(model);
  const array = (name: string, shape: readonly number[], value = 0): NamedArray => {
    return { name, shape, values: new Float32Array(shape.reduce((a, b) => a * b)).fill(value) };
  };
  writeFileSync(path, "something else");
  await expect(loadModel(directory)).rejects.toThrow("not a ZIP archive");
  writeFileSync(path, writeZip([{ name: "mx-mod-symbol.json", bytes: Buffer.from("{}") }]));
  await expect(loadModel(directory)).rejects.toThrow("model_algo-1 lacks symbol.json");
  write({ ...own, heads: [[0, 0, 0]] }, []);
  await expect(loadModel(directory)).rejects.toThrow("ends neither in a LogisticRegressionOutput nor in a Linear");
  write(own, [array("arg:w0_weight", [1]), array("arg:w1_weight", [3, 1])]);
  await expect(loadModel(directory)).rejects.toThrow("params of model_algo-1 lacks arg:v");
  write(own, [array("arg:w0_weight", [1]), array("arg:w1_weight", [3, 1]), array("arg:v", [4, 2])]);
  await expect(loadModel(directory)).rejects.toThrow("it holds arg:w0_weight (1), arg:w1_weight (3, 1), arg:v (4, 2)");
  write(own, [array("arg:w0_weight", [1]), array("arg:w1_weight", [3, 1]), array("arg:v", [3, 2], Number.NaN)]);
  await expect(loadModel(directory)).rejects.toThrow("arg:v of model_algo-1 has a number that is not finite");
});
