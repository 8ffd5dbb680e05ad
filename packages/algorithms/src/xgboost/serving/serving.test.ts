import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { decodeRecord } from "../../formats/recordio-protobuf/decode.ts";
import { encodeRecordFrames } from "../../formats/recordio-protobuf/encode.ts";
import { framesIn } from "../../formats/recordio-protobuf/frames.ts";
import { type Answer, call, type Program } from "../../job/testkit/run-program.ts";
import { Booster } from "../library/booster.ts";
import { XGBoostLibrary } from "../library/library.ts";
import { Matrix } from "../library/matrix.ts";
import { pythonFloat } from "../python-number.ts";
import { sampleRows, testLibrary, toCsv, XGBoostJob } from "../testkit/xgboost-job.ts";
import { openModel } from "./open-model.ts";

const rows = sampleRows(300);
const held = sampleRows(3, 7).map(([, ...x]) => x);
const csv = toCsv(held);
let library: XGBoostLibrary;
let binary: XGBoostJob;
let classes: XGBoostJob;

async function trained(
  hyperparameters: Record<string, string>,
  labelled: readonly (readonly (number | undefined)[])[],
) {
  const job = new XGBoostJob({
    files: { "train/a.csv": toCsv(labelled) },
    hyperparameters: { num_round: "4", max_depth: "3", ...hyperparameters },
    contentType: "csv",
  });
  using program = job.train();
  expect(await program.ended(), program.output).toBe(0);
  return job;
}

beforeAll(async () => {
  library = new XGBoostLibrary(testLibrary());
  binary = await trained({ objective: "binary:logistic" }, rows);
  const three = rows.map(([label, ...x]) => [label + Number((x[3] ?? 0) > 2), ...x]);
  classes = await trained({ objective: "multi:softprob", num_class: "3" }, three);
}, 300_000);
afterAll(() => {
  for (const job of [binary, classes]) job?.[Symbol.dispose]();
});

function expected(job: XGBoostJob, what: "value" | "margin" = "value"): number[] {
  using booster = Booster.create(library);
  booster.load(join(job.root, "model/xgboost-model"));
  const values = Float32Array.from(held.flat(), (value) => value ?? Number.NaN);
  using matrix = Matrix.of(library, { kind: "dense", count: held.length, width: 4, values }, 1);
  return [...booster.predict(matrix, what)];
}

async function serving(job: XGBoostJob, environment: Record<string, string> = {}) {
  const program: Program = job.serve(environment);
  await program.printed("ready for requests");
  const post = (type: string | undefined, body: string | Buffer, accept?: string): Promise<Answer> =>
    call(
      job.socket,
      "POST",
      "/invocations",
      { ...(type && { "Content-Type": type }), ...(accept && { Accept: accept }) },
      body,
    );
  return { post, job, [Symbol.dispose]: () => program[Symbol.dispose]() };
}

const libsvm = held.map((x) => x.flatMap((v, i) => (v === undefined ? [] : [`${i}:${v}`])).join(" ")).join("\n");
const records = encodeRecordFrames(
  held.map((x) => {
    const there = x.flatMap((value, key) => (value === undefined ? [] : [{ key, value }]));
    const tensor = {
      type: "float32" as const,
      values: there.map(({ value }) => value),
      keys: there.map(({ key }) => key),
      shape: [4],
    };
    return { features: new Map([["values", tensor]]), label: new Map() };
  }),
);

/** Sums are the library's to the last bit; exponentials may differ in it. */
function close(values: readonly number[]): number[] {
  return values.map((value) => expect.closeTo(value, 6) as number);
}

test("rows of every content type get the model's own answers, in every type that is accepted", async () => {
  const scores = close(expected(binary));
  using server = await serving(binary, { SAGEBRUSH_CPUS: "2" });
  for (const [type, body] of [
    ["text/csv", csv],
    ["text/csv;label_size=1", toCsv(held, ";")],
    ["text/libsvm", libsvm],
    ["text/x-libsvm", `1 ${libsvm}`],
    [undefined, libsvm],
    ["application/x-recordio-protobuf", records],
  ] as const) {
    const { status, type: answered, body: text } = await server.post(type, body);
    expect([status, answered, text.toString().split("\n").map(Number)], String(type)).toEqual([
      200,
      "text/csv",
      scores,
    ]);
  }
  const json = await server.post("text/csv", csv, "application/json");
  expect(JSON.parse(json.body.toString())).toEqual({ predictions: scores.map((score) => ({ score })) });
  const lines = await server.post("text/csv", csv, "application/jsonlines");
  expect(
    lines.body
      .toString()
      .split("\n")
      .map((line) => JSON.parse(line)),
  ).toEqual(scores.map((score) => ({ score })));
  const { body } = await server.post("text/csv", csv, "application/x-recordio-protobuf");
  const labels = [...framesIn(body, "answer")].map(({ bytes, at, end }) =>
    decodeRecord(bytes, at, end).label.get("score"),
  );
  expect(labels.map((label) => [label?.type, Number(label?.values[0])])).toEqual(
    scores.map((score) => ["float32", score]),
  );
  const parameters = await call(server.job.socket, "GET", "/execution-parameters");
  expect(JSON.parse(parameters.body.toString())).toEqual({
    MaxConcurrentTransforms: 2,
    BatchStrategy: "MULTI_RECORD",
    MaxPayloadInMB: 6,
  });
});

test.for<[string | undefined, string, string | undefined, number, string]>([
  ["text/csv", "", undefined, 204, ""],
  ["application/json", '{"instances":[]}', undefined, 415, "'application/json' is not supported"],
  ["text/csv;label_size=0", csv, undefined, 415, "label_size must be 1"],
  ["text/csv", "1,2,3,4,5", undefined, 400, "Row 1 has 5 features where the model takes 4"],
  ["text/csv", "1,2,x,4", undefined, 400, "Value 3 of row 1 is not a number: 'x'"],
  ["text/libsvm", "9:1", undefined, 400, "index 9 where the model takes 4"],
  ["text/csv", csv, "image/png", 406, "image/png"],
])("%s %j with Accept %s is %i", async ([type, body, accept, status, message]) => {
  using server = await serving(binary);
  const answer = await server.post(type, body, accept);
  expect(answer.status).toBe(status);
  expect(answer.body.toString()).toContain(message);
});

test("large bodies are read on other threads, several at once, and answered as small ones are", async () => {
  const scores = expected(binary);
  using server = await serving(binary, { SAGEBRUSH_CPUS: "2" });
  const times = 40_000;
  const large = `${csv.trimEnd()}\n`.repeat(times);
  expect(large.length).toBeGreaterThan(512 * 1024);
  const bad = `${large}1,x,3,4\n`;
  const answers = await Promise.all([
    ...[1, 2, 3].map(() => server.post("text/csv", large)),
    server.post("text/csv;label_size=1", large.replaceAll(",", ";")),
    server.post("text/libsvm", `${libsvm}\n`.repeat(times)),
  ]);
  const wanted = `${scores.map(pythonFloat).join("\n")}\n`.repeat(times).trimEnd();
  for (const { status, body } of answers) expect([status, body.toString() === wanted]).toEqual([200, true]);
  const refused = await Promise.all([
    server.post("text/csv", bad),
    server.post("text/csv", large, "image/png"),
    server.post("text/csv;label_size=0", large),
    server.post("image/png", large),
  ]);
  expect(refused.map(({ status }) => status)).toEqual([400, 406, 415, 415]);
  expect(refused[0]?.body.toString()).toBe(`Value 2 of row ${3 * times + 1} is not a number: 'x'.`);
  expect((await server.post("text/csv", csv)).body.toString().split("\n").map(Number)).toEqual(scores);
});

test("classes are answered as rows of CSV", async () => {
  const perRow = classScores();
  using server = await serving(classes);
  const online = await server.post("text/csv", csv);
  expect(
    online.body
      .toString()
      .split("\n")
      .map((line) => line.split(",").map(Number)),
  ).toEqual(perRow);
  const json = await server.post("text/csv", csv, "application/json");
  expect(JSON.parse(json.body.toString()).predictions).toEqual(perRow.map((score) => ({ score })));
});

test("classes are answered as Python's lists in batches", async () => {
  using server = await serving(classes, { SAGEMAKER_BATCH: "true" });
  const lists = await server.post("text/csv", csv);
  expect(
    lists.body
      .toString()
      .split("\n")
      .map((line) => JSON.parse(line)),
  ).toEqual(classScores());
});

function classScores(): number[][] {
  const scores = close(expected(classes));
  return held.map((_, i) => scores.slice(i * 3, i * 3 + 3));
}

test("no library is loaded, unless a model is not scored here", async () => {
  const nowhere = join(binary.root, "no-such-library.so");
  using program = binary.serve({}, nowhere);
  await program.printed("ready for requests");
  const { body } = await call(binary.socket, "POST", "/invocations", { "Content-Type": "text/csv" }, csv);
  expect(body.toString().split("\n").map(Number)).toEqual(close(expected(binary)));

  // An objective that only a later library knows.
  using booster = Booster.create(library);
  booster.load(join(binary.root, "model/xgboost-model"));
  const unknown = booster.toBuffer("json").toString().replaceAll("binary:logistic", "reg:expectileerror");
  using job = new XGBoostJob({ files: {}, hyperparameters: {} });
  job.write("model/xgboost-model", unknown);
  using refused = job.serve();
  expect(await refused.ended()).toBe(1);
  expect(refused.output).toMatch(
    /xgboost-model has the objective "reg:expectileerror", which only XGBoost's library may know, and XGBoost 3\.0\.5 cannot read it: .*reg:expectileerror/,
  );
});

test("a model that is not scored here is left to the library", () => {
  using booster = Booster.create(library);
  booster.load(join(classes.root, "model/xgboost-model"));
  const count = 2 ** 20 + 1;
  const document = booster.toBuffer("json").toString().replaceAll('"num_class":"3"', `"num_class":"${count}"`);
  using job = new XGBoostJob({ files: {}, hyperparameters: {} });
  job.write("model/xgboost-model", document);
  const { scorer, leftToLibrary } = openModel(join(job.root, "model/xgboost-model"), "xgboost-model", testLibrary());
  expect(leftToLibrary).toBe(`${count} outputs`);
  expect(scorer).toMatchObject({ objective: "multi:softprob", features: 4, classes: count });
  const rows = { kind: "dense", count: 1, width: 4, values: Float32Array.of(1, 2, 1, 0) } as const;
  expect(scorer.predict(rows, "value").length).toBe(count);
});

test("selected keys are answered, with NaN for those that the objective has not", async () => {
  const [p] = expected(binary) as [number];
  const [m] = expected(binary, "margin") as [number];
  using server = await serving(binary, {
    SAGEMAKER_INFERENCE_OUTPUT: "predicted_label,labels,probability,probabilities,raw_score,predicted_score",
  });
  const json = await server.post("text/csv", csv, "application/jsonlines");
  const first = json.body.toString().split("\n")[0] as string;
  const answer = JSON.parse(first.replace("NaN", "null")) as Record<string, unknown>;
  expect(answer).toEqual({
    predicted_label: Number(p > 0.5),
    labels: [0, 1],
    probability: expect.closeTo(p, 6),
    probabilities: close([1 - p, p]),
    raw_score: m,
    predicted_score: null,
  });
  const text = await server.post("text/csv", csv);
  expect(text.body.toString().split("\n")[0]).toMatch(/^[01],"\[0, 1\]",0\.\d+,"\[0\.\d+, 0\.\d+\]",-?\d.*,nan$/);
});

test("the default accepted type is the environment's, and several models answer by their mean", async () => {
  using job = await trained({ objective: "binary:logistic", _kfold: "2" }, rows);
  using server = await serving(job, { SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT: "application/json" });
  const { body, type } = await server.post("text/csv", csv);
  expect(type).toBe("application/json");
  const single = await Promise.all(
    [0, 1].map(async (n) => {
      using other = new XGBoostJob({ files: {}, hyperparameters: {} });
      other.write("model/xgboost-model", readFileSync(join(job.root, `model/xgboost-model-${n}`)));
      return expected(other);
    }),
  );
  const mean = held.map((_, i) => Math.fround(((single[0]?.[i] as number) + (single[1]?.[i] as number)) / 2));
  expect(JSON.parse(body.toString()).predictions.map(({ score }: { score: number }) => score)).toEqual(close(mean));
});

test("models of the service's own jobs in JSON and UBJSON are served, pickles and nonsense are refused", async () => {
  using booster = Booster.create(library);
  booster.load(join(binary.root, "model/xgboost-model"));
  for (const format of ["json", "ubj"]) {
    using job = new XGBoostJob({ files: {}, hyperparameters: {} });
    job.write("model/placeholder", "");
    rmSync(join(job.root, "model/placeholder"));
    booster.save(join(job.root, `made.${format}`));
    writeFileSync(join(job.root, "model/xgboost-model"), readFileSync(join(job.root, `made.${format}`)));
    using server = await serving(job);
    const { body } = await server.post("text/csv", csv);
    expect(body.toString().split("\n").map(Number)).toEqual(close(expected(binary)));
  }
  for (const [content, message] of [
    [Buffer.from("80049502", "hex"), "is a pickled Python object, which is not loaded"],
    [Buffer.from("nonsense"), "xgboost-model is no model that XGBoost wrote: it is neither JSON nor UBJSON"],
  ] as const) {
    using job = new XGBoostJob({ files: {}, hyperparameters: {} });
    job.write("model/xgboost-model", content);
    using program = job.serve();
    expect(await program.ended()).toBe(1);
    expect(program.output).toContain(message);
  }
});
