import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { decodeRows } from "../formats/recordio-protobuf/decode-rows.ts";
import type { Answerer } from "../job/algorithm.ts";
import { createJobLog } from "../job/job-log.ts";
import { runFit } from "../testkit/run-fit.ts";
import { temporaryDirectory } from "../testkit/temporary-directory.ts";
import type { AnySpec } from "../transforms/kinds.ts";
import { featureTransforms } from "./feature-transforms.ts";

const rows = `age,town,joined,"note, long",bought
20,Ulm,2024-01-05,"red, fast",yes
,Bern,2024-02-29,slow and red,no
40,Ulm,2024-02-29,"a ""fast"" one",yes
30,,2023-12-31,,no
`;
const pipeline: AnySpec = {
  kind: "column-transformer",
  parts: [
    {
      columns: ["age"],
      transform: { kind: "pipeline", steps: [{ kind: "impute", strategy: "mean" }, { kind: "min-max-scaler" }] },
    },
    { columns: ["town"], transform: { kind: "one-hot-encoder" } },
    { columns: ["joined"], transform: { kind: "date-parts", parts: ["month", "is weekend"] } },
    { columns: ["note, long"], transform: { kind: "text-counts" } },
  ],
};
const given = { pipeline: JSON.stringify(pipeline), target: "bought" };
const train = (more: Record<string, string> = {}, files: Record<string, string> = { "rows.csv": rows }) =>
  runFit(featureTransforms, { given: { ...given, ...more }, channels: { train: files }, contentType: "text/csv" });

async function serve(directory: string, environment: NodeJS.ProcessEnv = {}) {
  const log = createJobLog({ host: "algo-1", title: "", write: () => undefined });
  const model = (await featureTransforms.load(directory, {
    environment,
    library: undefined,
    cpus: 2,
    log,
  })) as Answerer;
  return (body: string, contentType: string | undefined = "text/csv", accept?: string) =>
    model.answer({ contentType, accept, body: Buffer.from(body) });
}

test("a job leaves the transform, and its training rows as a learner should see them", async () => {
  const { modelDirectory, model, outputDirectory } = await train();
  expect(Object.keys(model)).toEqual(["transform.json"]);
  const artifact = JSON.parse(String(model["transform.json"]));
  expect(artifact).toMatchObject({ format: "sagebrush-transform", version: 1, fitted: { kind: "column-transformer" } });
  expect(artifact.target).toEqual({ name: "bought", classes: ["no", "yes"] });
  expect(artifact.inputs).toEqual([
    { name: "age", type: "numeric" },
    { name: "town", type: "text" },
    { name: "joined", type: "date" },
    { name: "note, long", type: "text" },
  ]);
  expect(artifact.outputs.slice(0, 6)).toEqual([
    "age",
    "town=Bern",
    "town=Ulm",
    "town is missing",
    "joined month",
    "joined is weekend",
  ]);
  expect(artifact.outputs.slice(6)).toEqual(["and", "fast", "one", "red", "slow"].map((word) => `note, long: ${word}`));
  expect(readFileSync(join(outputDirectory, "train.csv"), "utf8")).toBe(
    "1,0,0,1,0,1,0,0,1,0,1,0\n0,0.5,1,0,0,2,0,1,0,0,1,1\n1,1,0,1,0,2,0,0,1,1,0,0\n0,0.5,0,0,1,12,1,0,0,0,0,0\n",
  );
  const answer = await serve(modelDirectory);
  expect(answer('20,Ulm,2024-01-05,"red, fast"\n,Bern,2024-02-29,slow and red\n').body).toBe(
    "0,0,1,0,1,0,0,1,0,1,0\n0.5,1,0,0,2,0,1,0,0,1,1\n",
  );
});

describe("a served transform", () => {
  const wanted = [0.25, 0, 0, 0, 7, 1, 0, 0, 0, 0, 0];
  const open = async (environment: NodeJS.ProcessEnv = {}) => await serve((await train()).modelDirectory, environment);

  test.for<[string, string]>([
    ["text/csv", "25,Oslo,2024-07-06,new"],
    ["text/csv; charset=utf-8", 'age,town,joined,"note, long"\n25,Oslo,2024-07-06T10:00:00Z,new\n'],
    ["application/json", '{"instances":[{"features":[25,"Oslo","2024-07-06","new"]}]}'],
    ["application/json", '{"age":25,"town":"Oslo","joined":"2024-07-06","note, long":"new"}'],
    ["application/jsonlines", '[25,"Oslo","2024-07-06","new"]\n'],
    ["application/jsonlines", '{"joined":"2024-07-06","age":"25","town":"Oslo"}\n'],
  ])("reads %s: %s", async ([type, body]) => {
    const answer = await open();
    expect(answer(body, type, "application/jsonlines").body).toBe(`${JSON.stringify({ features: wanted })}\n`);
  });

  test("answers in forms that the built-in algorithms read", async () => {
    const answer = await open();
    const body = "25,Oslo,2024-07-06,new\n30,Ulm,,fast\n";
    expect(answer(body).body).toBe("0.25,0,0,0,7,1,0,0,0,0,0\n0.5,0,1,0,,,0,1,0,0,0\n");
    expect(answer(body, "text/csv", "application/json").body).toBe(
      '{"instances":[{"features":[0.25,0,0,0,7,1,0,0,0,0,0]},{"features":[0.5,0,1,0,null,null,0,1,0,0,0]}]}',
    );
    const records = answer(body, "text/csv", "application/x-recordio-protobuf").body as Buffer;
    const read = decodeRows(records, wanted.length);
    expect(read).toMatchObject({ kind: "dense", count: 2, width: wanted.length });
    expect([...read.values.subarray(0, wanted.length)]).toEqual(wanted);
  });

  test("wide rows of words are sparse records", async () => {
    const texts = Array.from({ length: 40 }, (_, i) => `word${i} word${(i * 7) % 40}`);
    const spec: AnySpec = { kind: "tf-idf", columns: ["text"] };
    const { modelDirectory } = await runFit(featureTransforms, {
      given: { pipeline: JSON.stringify(spec) },
      channels: { train: { "a.csv": `text\n${texts.join("\n")}\n` } },
    });
    const answer = await serve(modelDirectory);
    const records = answer("word1 word2\nunknown\n", "text/csv", "application/x-recordio-protobuf").body as Buffer;
    const read = decodeRows(records, 40);
    expect(read).toMatchObject({ kind: "sparse", count: 2, offsets: Float64Array.of(0, 2, 2) });
  });

  test("the pipeline's environment names the type for callers that accept any", async () => {
    const answer = await open({ SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT: "application/x-recordio-protobuf" });
    expect(answer("25,Oslo,2024-07-06,new").type).toBe("application/x-recordio-protobuf");
    expect(answer("25,Oslo,2024-07-06,new", "text/csv", "text/csv").type).toBe("text/csv");
  });

  test.for<[string, string | undefined, string | undefined, number, string]>([
    ["25,Oslo,2024-07-06", "text/csv", undefined, 400, "3 field(s) where 4 are expected"],
    ["old,Oslo,2024-07-06,new", "text/csv", undefined, 400, "Column 'age' of row 1 is no number: 'old'."],
    ["25,Oslo,tomorrow,new", "text/csv", undefined, 400, "Column 'joined' of row 1 is no date: 'tomorrow'."],
    ["", "text/csv", undefined, 400, "The body has no rows."],
    ['{"size":1}', "application/json", undefined, 400, "'size', which is no column"],
    ["{", "application/json", undefined, 400, "JSON"],
    ["1", "image/png", undefined, 415, "image/png"],
    ["25,Oslo,2024-07-06,new", "text/csv", "image/png", 406, "Accept 'image/png'"],
  ])("refuses %j as %s", async ([body, type, accept, status, message]) => {
    const answer = await open();
    expect(() => answer(body, type, accept)).toThrow(
      expect.objectContaining({ status, message: expect.stringContaining(message) }),
    );
  });
});

test("types are those that the job names, or that all values have", async () => {
  const { model } = await train({
    column_types: '{"age":"text"}',
    pipeline: '{"kind":"one-hot-encoder","columns":["age"]}',
  });
  expect(JSON.parse(String(model["transform.json"])).outputs.slice(-4)).toEqual([
    "age=20",
    "age=30",
    "age=40",
    "age is missing",
  ]);
  const later = `${rows}old,Ulm,2024-01-01,,yes\n`;
  const { model: other } = await train({ pipeline: '{"kind":"pipeline","steps":[]}' }, { "a.csv": later });
  expect(JSON.parse(String(other["transform.json"])).inputs[0]).toEqual({ name: "age", type: "text" });
});

test("a transform that answers text has no records", async () => {
  const { modelDirectory } = await train({ pipeline: '{"kind":"pipeline","steps":[]}' });
  const answer = await serve(modelDirectory);
  expect(answer('25,"Oslo, N",2024-07-06,new').body).toBe('25,"Oslo, N",1720224000000,new\n');
  expect(() => answer("25,Oslo,2024-07-06,new", "text/csv", "application/x-recordio-protobuf")).toThrow(
    expect.objectContaining({ status: 406, message: expect.stringContaining("Column 'town' holds text") }),
  );
});

test.for<[string, Record<string, string>, Record<string, string> | undefined, string]>([
  ["a pipeline that is not JSON", { pipeline: "{" }, undefined, "Hyperparameter 'pipeline' is not JSON"],
  ["a pipeline without a kind", { pipeline: "[]" }, undefined, `'pipeline' must be a JSON object with a "kind"`],
  ["an unknown transform", { pipeline: '{"kind":"magic"}' }, undefined, "There is no transform 'magic'."],
  ["an unknown target", { target: "sold" }, undefined, "The target 'sold' is no column."],
  ["an unknown type", { column_types: '{"age":"whole"}' }, undefined, `Column 'age' cannot be of type "whole"`],
  [
    "types of no column",
    { column_types: '{"size":"text"}' },
    undefined,
    "'column_types' names 'size', which is no column.",
  ],
  [
    "values of another type",
    { column_types: '{"town":"date"}' },
    undefined,
    "Column 'town' of row 1 is no date: 'Ulm'.",
  ],
  [
    "values beyond double precision",
    { column_types: '{"age":"numeric"}' },
    { "a.csv": rows.replace("40,", "1e999,") },
    "Column 'age' of row 3 is no number: '1e999'.",
  ],
  [
    "values whose sum is",
    { pipeline: '{"kind":"impute","strategy":"mean","columns":["age"]}' },
    { "a.csv": rows.replace("\n20,", "\n1e308,").replace("\n40,", "\n1e308,") },
    "The transform cannot be kept",
  ],
  ["no rows", {}, { "a.csv": "age,bought\n" }, "Channel 'train' has no rows."],
  ["files of other columns", {}, { "a.csv": rows, "b.csv": "age\n1\n" }, "train/b.csv has the columns age where"],
])("%s is told", async ([, more, files, message]) => {
  await expect(train(more, files)).rejects.toThrow(
    expect.objectContaining({ name: "CustomerError", message: expect.stringContaining(message) }),
  );
});

test("a model of something else is told apart", async () => {
  const directory = temporaryDirectory();
  await expect(serve(directory)).rejects.toMatchObject({ code: "ENOENT" });
  expect(existsSync(directory)).toBe(true);
});
