import { once } from "node:events";
import { connect } from "node:net";
import { availableParallelism } from "node:os";
import { expect, test } from "vitest";
import { encodeRecordFrames } from "../formats/recordio-protobuf/encode.ts";
import { call, MlSandbox } from "./testkit/run-program.ts";

const csv = {
  TrainingInputMode: "File",
  S3DistributionType: "FullyReplicated",
  RecordWrapperType: "None",
  ContentType: "text/csv",
};

function trainingDirectory(hyperparameters: object = {}): MlSandbox {
  return new MlSandbox()
    .write("input/config/hyperparameters.json", hyperparameters)
    .write("input/config/inputdataconfig.json", { train: csv })
    .write("input/config/resourceconfig.json", { current_host: "algo-2", hosts: ["algo-1", "algo-2"] })
    .write("input/data/train/b/part.csv", "3,1,1\n")
    .write("input/data/train/a.csv", "1,2,2\n");
}

test("a training run writes its model and ends with 0", async () => {
  using ml = trainingDirectory({ rounds: "2", _tuning_objective_metric: "x" });
  using program = ml.start("train", { SAGEBRUSH_CPUS: "3", SAGEBRUSH_MEMORY_BYTES: "1000000000" });
  expect(await program.ended()).toBe(0);
  expect(JSON.parse(ml.read("model/model.json") ?? "")).toEqual({
    mean: 2,
    width: 2,
    cpus: 3,
    memoryBytes: 1e9,
    given: { rounds: "2", _tuning_objective_metric: "x" },
    resources: { currentHost: "algo-2", hosts: ["algo-1", "algo-2"] },
  });
  expect(ml.read("output/failure")).toBeUndefined();
  const lines = program.output.trimEnd().split("\n");
  expect(lines.slice(0, 3).map((line) => line.replace(/^\[\d\d\/\d\d\/\d{4} \d\d:\d\d:\d\d INFO \d+\] /, ""))).toEqual([
    "Reading default configuration from fake/default-input.json: {'mode': 'learn', 'rounds': '1'}",
    `Merging with provided configuration from ${ml.root}/input/config/hyperparameters.json: {'rounds': '2', '_tuning_objective_metric': 'x'}`,
    "Final configuration: {'mode': 'learn', 'rounds': '2', '_tuning_objective_metric': 'x'}",
  ]);
  expect(lines.at(-1)).toMatch(/^#metrics \{.*"Operation": "training".*"totaltime": \{"sum": \d+/);
});

test.for<[string, object, number, RegExp]>([
  ["refused input", { mode: "refuse" }, 2, /^the labels are not labels$/],
  ["an unknown hyperparameter", { depth: "1" }, 2, /Additional properties are not allowed \('depth' was unexpected\)$/],
  ["a bad value", { rounds: "0" }, 2, /'0' is not valid under any of the given schemas/],
  ["a crash", { mode: "crash" }, 1, /^something is undefined$/],
  ["exhausted memory", { mode: "exhaust" }, 1, /^Out of Memory\. Please use a larger instance type/],
  ["a promise nobody awaits", { mode: "reject" }, 1, /^nobody awaited this$/],
])("%s leaves a failure file and its exit code", async ([, hyperparameters, code, text]) => {
  using ml = trainingDirectory(hyperparameters);
  using program = ml.start("train");
  expect(await program.ended()).toBe(code);
  expect(ml.read("output/failure")).toMatch(text);
  expect(program.output).toMatch(code === 2 ? /ERROR \d+\] Customer Error: / : /ERROR \d+\] Algorithm Error: /);
  expect(ml.read("model/model.json")).toBeUndefined();
});

test.for<[string, object, string]>([
  ["no train channel", {}, "'train' is a required property"],
  ["an unknown channel", { train: csv, extra: csv }, "Additional properties are not allowed ('extra' was unexpected)"],
  [
    "another content type",
    { train: { ...csv, ContentType: "image/png" } },
    "'image/png' is not valid under any of the given schemas: ContentType of channel 'train' must be one of 'text/csv', 'application/x-recordio-protobuf'",
  ],
])("%s is checked before training", async ([, channels, text]) => {
  using ml = trainingDirectory().write("input/config/inputdataconfig.json", channels);
  using program = ml.start("train");
  expect(await program.ended()).toBe(2);
  expect(ml.read("output/failure")).toContain(`Failed to validate input data configuration. ${text}`);
});

test("a faulty file is named in the failure", async () => {
  using ml = trainingDirectory().write("input/data/train/c/d.csv", "1,2,3\n1,2\n");
  using program = ml.start("train");
  expect(await program.ended()).toBe(2);
  expect(ml.read("output/failure")).toBe("train/c/d.csv, line 2: expected 3 values as in the first row, found 2.");
});

test.for([
  ["named", { ContentType: "application/x-recordio-protobuf" }],
  ["unnamed, as the SDK's record_set leaves it", { ContentType: undefined }],
] as const)("RecordIO channels are read: content type %s", async ([, contentType]) => {
  const rows = [4, 8].map((label) => ({
    features: new Map([["values", { type: "float32" as const, values: [1, 2, 3] }]]),
    label: new Map([["values", { type: "float32" as const, values: [label] }]]),
  }));
  using ml = trainingDirectory()
    .write("input/config/inputdataconfig.json", { train: { ...csv, ...contentType } })
    .write("input/data/train/b/part.csv", encodeRecordFrames(rows))
    .write("input/data/train/a.csv", "");
  using program = ml.start("train");
  expect(await program.ended()).toBe(0);
  expect(JSON.parse(ml.read("model/model.json") ?? "")).toMatchObject({ mean: 6, width: 3 });
});

test.for<[string, string | undefined, number]>([
  ["counts", "text/csv; label_size=2", 1],
  ["is one where the content type does not say", "text/csv", 2],
  ["is one without a content type", undefined, 2],
])("label_size %s", async ([, ContentType, width]) => {
  using ml = trainingDirectory().write("input/config/inputdataconfig.json", { train: { ...csv, ContentType } });
  using program = ml.start("train");
  expect(await program.ended()).toBe(0);
  expect(JSON.parse(ml.read("model/model.json") ?? "")).toMatchObject({ width });
});

test.for<[string, string | Uint8Array]>([
  ["text/csv", "1,2\n".repeat(200_000)],
  [
    "application/x-recordio-protobuf",
    encodeRecordFrames([
      {
        features: new Map([["values", { type: "float32", values: new Float32Array(400_000) }]]),
        label: new Map([["values", { type: "float32", values: [1] }]]),
      },
    ]),
  ],
])("data that cannot fit is refused before memory is taken: %s", async ([ContentType, content]) => {
  using ml = trainingDirectory()
    .write("input/config/inputdataconfig.json", { train: { ...csv, ContentType } })
    .write("input/data/train/a.csv", content)
    .write("input/data/train/b/part.csv", "");
  using program = ml.start("train", { SAGEBRUSH_MEMORY_BYTES: String(2 ** 20) });
  expect(await program.ended()).toBe(2);
  expect(ml.read("output/failure")).toBe(
    "Out of Memory. The data takes 2 MiB as numbers, and this instance has 1 MiB. Please use a larger instance type.",
  );
});

test.for<[string, number]>([
  ["0.5", 1],
  ["2.9", 2],
  ["-", availableParallelism()],
])("SAGEBRUSH_CPUS %j is %i threads", async ([given, cpus]) => {
  using ml = trainingDirectory();
  using program = ml.start("train", { SAGEBRUSH_CPUS: given });
  expect(await program.ended()).toBe(0);
  expect(JSON.parse(ml.read("model/model.json") ?? "")).toMatchObject({ cpus });
});

test("SIGTERM ends training with the model so far", async () => {
  using ml = trainingDirectory({ mode: "linger" });
  using program = ml.start("train");
  await program.printed("lingering");
  program.signal("SIGTERM");
  expect(await program.ended()).toBe(0);
  expect(program.output).toContain("Received SIGTERM");
  expect(ml.read("model/model.json")).toBeDefined();
});

test("checkpoints outlive a run", async () => {
  using ml = trainingDirectory({ rounds: "4" });
  ml.write("input/config/checkpointconfig.json", { S3Uri: "s3://b/c", LocalPath: "/opt/ml/checkpoints/" });
  for (const expected of ["4", "8"]) {
    using program = ml.start("train");
    expect(await program.ended()).toBe(0);
    expect(ml.read("checkpoints/count")).toBe(expected);
  }
});

test.for([
  ["train", "nonesuch"],
  ["evaluate", "fake"],
])("'%s %s' is answered with how to call the program", async ([action = "", name = ""]) => {
  using ml = new MlSandbox();
  using program = ml.start(action, {}, name);
  expect(await program.ended()).toBe(64);
  expect(program.output).toContain("Usage: train|serve ALGORITHM. Algorithms: fake.");
});

async function serving(): Promise<{ ml: MlSandbox; program: ReturnType<MlSandbox["start"]> }> {
  const ml = new MlSandbox().write("model/model.json", { mean: 10, width: 2 });
  const program = ml.start("serve");
  await program.printed("ready for requests");
  return { ml, program };
}

test("a model server answers pings, predictions and refusals", async () => {
  const { ml, program } = await serving();
  using _ml = ml;
  using _program = program;
  const post = (headers: Record<string, string>, body: string) =>
    call(ml.socket, "POST", "/invocations", headers, body);
  expect(await call(ml.socket, "GET", "/ping")).toMatchObject({ status: 200 });
  expect(await call(ml.socket, "GET", "/execution-parameters")).toMatchObject({
    status: 200,
    type: "application/json",
  });
  const answer = await post({ "Content-Type": "text/csv" }, "1,2\n3,4\n");
  expect({ ...answer, body: answer.body.toString() }).toEqual({
    status: 200,
    type: "application/json",
    body: '{"predictions":[{"score":13},{"score":17}]}',
  });
  const lines = await post({ "Content-Type": "text/csv", Accept: "application/jsonlines" }, "1,2\n");
  expect([lines.type, lines.body.toString()]).toEqual(["application/jsonlines", '{"score":13}']);
  expect(await post({ "Content-Type": "text/csv" }, "1\n")).toMatchObject({ status: 400, type: "text/plain" });
  expect(await post({ "Content-Type": "image/png" }, "1,2\n")).toMatchObject({ status: 415 });
  expect(await post({ "Content-Type": "text/csv", Accept: "image/png" }, "1,2\n")).toMatchObject({ status: 406 });
  expect(await post({ "Content-Type": "text/csv" }, "656,0\n")).toMatchObject({ status: 500 });
  await program.printed("the beast");
  expect(await call(ml.socket, "GET", "/invocations")).toMatchObject({ status: 405 });
  expect(await call(ml.socket, "GET", "/models")).toMatchObject({ status: 404 });
});

test("a body beyond the limit is refused, and the server lives on", async () => {
  const { ml, program } = await serving();
  using _ml = ml;
  using _program = program;
  const length = 101 * 1024 * 1024;
  const socket = connect(ml.socket);
  socket.write(`POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: text/csv\r\nContent-Length: ${length}\r\n\r\n`);
  const part = Buffer.alloc(1024 * 1024, "1");
  const answered = once(socket, "data");
  socket.on("error", () => undefined); // the server may close while we still send
  for (let sent = 0; sent < length && !socket.destroyed; sent += part.length) {
    if (!socket.write(part)) await Promise.race([once(socket, "drain"), answered]);
  }
  expect(String((await answered)[0])).toMatch(/^HTTP\/1.1 413 /);
  socket.destroy();
  expect(await call(ml.socket, "GET", "/ping")).toMatchObject({ status: 200 });
});

test("SIGTERM lets a request that has begun finish", async () => {
  const { ml, program } = await serving();
  using _ml = ml;
  using _program = program;
  const socket = connect(ml.socket);
  let text = "";
  socket.on("data", (data) => (text += data));
  socket.write("POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: text/csv\r\nContent-Length: 4\r\n\r\n1,");
  await call(ml.socket, "GET", "/ping"); // by now the server has seen the socket above
  program.signal("SIGTERM");
  await program.printed("Received SIGTERM");
  socket.write("2\n");
  await once(socket, "close");
  expect(text).toMatch(/^HTTP\/1.1 200 OK[^]*\{"score":13\}/);
  expect(await program.ended()).toBe(0);
});

test("a server whose model cannot be loaded says so and ends with 1", async () => {
  using ml = new MlSandbox();
  using program = ml.start("serve");
  expect(await program.ended()).toBe(1);
  expect(program.output).toContain("The model cannot be loaded");
});

test("a server of many models loads, lists, answers for and unloads them", async () => {
  using ml = new MlSandbox();
  for (let i = 0; i < 205; i++) ml.write(`models/m${i}/model/model.json`, { mean: i, width: 2 });
  ml.write("models/broken/model/model.json", "{");
  using program = ml.start("serve", { SAGEMAKER_MULTI_MODEL: "true" });
  await program.printed("Ready for models");
  const json = { "Content-Type": "application/json" };
  const load = (name: string) =>
    call(ml.socket, "POST", "/models", json, JSON.stringify({ model_name: name, url: `/opt/ml/models/${name}/model` }));
  const invoke = (name: string) =>
    call(ml.socket, "POST", `/models/${name}/invoke`, { "Content-Type": "text/csv" }, "1,2\n");
  expect(await call(ml.socket, "GET", "/ping")).toMatchObject({ status: 200 });
  for (let i = 0; i < 205; i++) expect(await load(`m${i}`)).toMatchObject({ status: 200 });
  expect(await load("m7")).toMatchObject({ status: 409 });
  expect(await load("broken")).toMatchObject({ status: 400 });
  expect(await call(ml.socket, "POST", "/models", json, "{}")).toMatchObject({ status: 400 });
  expect((await invoke("m7")).body.toString()).toBe('{"predictions":[{"score":10}]}');
  expect(await invoke("other")).toMatchObject({ status: 404 });

  const listed: string[] = [];
  for (let token: string | undefined = ""; token !== undefined; ) {
    const { body } = await call(ml.socket, "GET", `/models${token && `?next_page_token=${token}`}`);
    const page = JSON.parse(body.toString()) as { models: { modelName: string }[]; nextPageToken?: string };
    listed.push(...page.models.map(({ modelName }) => modelName));
    token = page.nextPageToken;
  }
  expect(listed).toEqual(Array.from({ length: 205 }, (_, i) => `m${i}`));
  const one = await call(ml.socket, "GET", "/models/m7");
  expect(JSON.parse(one.body.toString())).toEqual({ modelName: "m7", modelUrl: "/opt/ml/models/m7/model" });
  expect(await call(ml.socket, "DELETE", "/models/m7")).toMatchObject({ status: 200 });
  expect(await call(ml.socket, "DELETE", "/models/m7")).toMatchObject({ status: 404 });
  expect(await invoke("m7")).toMatchObject({ status: 404 });
  expect(await call(ml.socket, "POST", "/invocations", json, "{}")).toMatchObject({ status: 404 });
});

test("a server of many models takes no more when its memory is used", async () => {
  using ml = new MlSandbox();
  ml.write("models/m/model/model.json", { mean: 1, width: 2 });
  using program = ml.start("serve", { SAGEMAKER_MULTI_MODEL: "true", SAGEBRUSH_MEMORY_BYTES: "1000000" });
  await program.printed("Ready for models");
  const body = JSON.stringify({ model_name: "m", url: "/opt/ml/models/m/model" });
  expect(await call(ml.socket, "POST", "/models", {}, body)).toMatchObject({ status: 507 });
});
