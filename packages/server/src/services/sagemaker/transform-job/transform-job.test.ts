import { existsSync, readFileSync } from "node:fs";
import { readdir, truncate } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { ListTagsCommand, ListTransformJobsCommand, StopTransformJobCommand } from "@aws-sdk/client-sagemaker";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { FakeRun } from "../../../serving/testkit/fake-engine.ts";
import { TransformServer } from "./testkit/transform-server.ts";

let world: TransformServer;
beforeEach(async () => {
  world = await TransformServer.start();
});
afterEach(() => world.close());

const patiently = { timeout: 15_000, interval: 5 };
/** Doubles every line. */
const doubled = ({ body }: { body: string }): string =>
  body
    .trimEnd()
    .split("\n")
    .map((line) => String(2 * Number(line)))
    .join("\n");

test("each line is a request, and the answers are the output's lines, in the input's order", async () => {
  world.model = doubled;
  await world.put({ "in/a.csv": "1\n2\n3\n", "in/deep/b.csv": "4", "in/empty.csv": "", "in/folder/": "" });
  const job = await world.transform({
    Environment: { BOTH: "job", OWN: "yes" },
    MaxConcurrentTransforms: 2,
    MaxPayloadInMB: 3,
  });
  expect(job).toMatchObject({
    TransformJobStatus: "Completed",
    TransformJobArn: "arn:aws:sagemaker:eu-west-1:123456789012:transform-job/job-1",
    ModelName: "model",
    DataProcessing: { InputFilter: "$", OutputFilter: "$", JoinSource: "None" },
    TransformInput: { CompressionType: "None", SplitType: "Line" },
    TransformStartTime: expect.any(Date),
    TransformEndTime: expect.any(Date),
  });
  expect(job.FailureReason).toBeUndefined();
  expect(await world.objects("out/")).toEqual({ "out/a.csv.out": "2\n4\n6\n", "out/deep/b.csv.out": "8\n" });
  expect(world.bodies.toSorted()).toEqual(["1\n", "2\n", "3\n", "4"]);
  expect(world.calls[0]).toMatchObject({ contentType: "text/csv" });
  expect(world.engine.runs.size).toBe(0);
});

test("the container is told of the job, over the model's variables and under the job's", async () => {
  let seen: FakeRun["spec"] | undefined;
  world.engine.onStart = (spec) => void (seen = spec);
  await world.put({ "in/a": "1" });
  await world.transform({ Environment: { BOTH: "job" }, MaxConcurrentTransforms: 2, MaxPayloadInMB: 3 });
  expect(seen).toMatchObject({
    environment: {
      ...{ OF_MODEL: "1", BOTH: "job", SAGEMAKER_BATCH: "true", SAGEMAKER_BATCH_STRATEGY: "SINGLE_RECORD" },
      ...{ SAGEMAKER_MAX_PAYLOAD_IN_MB: "3", SAGEMAKER_MAX_CONCURRENT_TRANSFORMS: "2" },
      TRANSFORM_JOB_ARN: "arn:aws:sagemaker:eu-west-1:123456789012:transform-job/job-1",
    },
    channels: [{ target: "/opt/ml/model", readOnly: true }],
  });
});

test("as many lines as fit are one request", async () => {
  const line = `${"1".repeat(99)}\n`;
  await world.put({ "in/a.csv": line.repeat(25_000) });
  await world.transform({ BatchStrategy: "MultiRecord", MaxPayloadInMB: 1 });
  const perBody = Math.floor(1024 ** 2 / 100);
  expect(world.bodies.map((body) => body.length / 100)).toEqual([perBody, perBody, 25_000 - 2 * perBody]);
  expect((await world.objects("out/"))["out/a.csv.out"]).toBe(line.repeat(25_000));
});

test("an object that is not split is one request, whatever the strategy", async () => {
  await world.put({ "in/photo.png": Buffer.from([0, 10, 13, 255]), "in/large": Buffer.alloc(1024 ** 2 + 1) });
  const job = await world.transform({
    MaxPayloadInMB: 1,
    TransformInput: { SplitType: "None", ContentType: "image/png" } as never,
    TransformOutput: { S3OutputPath: "s3://data/out/", AssembleWith: "None", Accept: "application/json" },
  });
  expect(job).toMatchObject({
    TransformJobStatus: "Failed",
    FailureReason:
      "ClientError: See job logs for more information. 1 of 2 objects has no output; the first is s3://data/in/large: it is larger than 1048576 bytes, which MaxPayloadInMB allows (SplitType None)",
  });
  expect(Object.keys(await world.objects("out/"))).toEqual(["out/photo.png.out"]);
  expect(world.calls).toMatchObject([{ contentType: "image/png", accept: "application/json" }]);
});

test("compressed objects are decompressed before they are split", async () => {
  world.model = doubled;
  await world.put({
    "in/a.csv.gz": gzipSync("1\n2\n"),
    "in/b.csv.gz": "no gzip",
    "in/c.csv.gz": gzipSync("5\n").subarray(0, 15),
  });
  const job = await world.transform({ TransformInput: { CompressionType: "Gzip" } as never });
  expect(job.FailureReason).toMatch(
    /2 of 3 objects have no output; the first is s3:\/\/data\/in\/b\.csv\.gz: it is not gzip-compressed/,
  );
  expect(await world.objects("out/")).toEqual({ "out/a.csv.gz.out": "2\n4\n" });
});

test("a manifest names the objects, in its order", async () => {
  await world.put({
    "other/a.csv": "1",
    "other/x/b.csv": "2",
    "other/c.csv": "3",
    "in.manifest": JSON.stringify([{ prefix: "s3://data/other/" }, "x/b.csv", "a.csv"]),
  });
  const source = (name: string) => ({
    TransformInput: {
      DataSource: { S3DataSource: { S3DataType: "ManifestFile", S3Uri: `s3://data/${name}` } },
    } as never,
  });
  expect(await world.transform(source("in.manifest"))).toMatchObject({ TransformJobStatus: "Completed" });
  expect(world.bodies).toEqual(["2", "1"]);
  expect(Object.keys(await world.objects("out/"))).toEqual(["out/a.csv.out", "out/x/b.csv.out"]);
  await world.put({ "bad.manifest": JSON.stringify([{ prefix: "s3://data/other/" }, "a.csv", "none.csv"]) });
  expect(await world.transform(source("bad.manifest"))).toMatchObject({
    TransformJobStatus: "Failed",
    FailureReason:
      "ClientError: Entry 3 of the manifest s3://data/bad.manifest names s3://data/other/none.csv, which does not exist.",
  });
});

test("an output is named by what follows the prefix's last slash", async () => {
  await world.put({ "in/part-1.csv": "1", "in/part-2.csv": "2" });
  const at = (uri: string, output: string) => ({
    TransformInput: { DataSource: { S3DataSource: { S3DataType: "S3Prefix", S3Uri: uri } } } as never,
    TransformOutput: { S3OutputPath: output },
  });
  await world.transform(at("s3://data/in/part-1.csv", "s3://data/one"));
  await world.transform(at("s3://data/in/part", "s3://data/some/"));
  expect(Object.keys(await world.objects("one/"))).toEqual(["one/part-1.csv.out"]);
  expect(Object.keys(await world.objects("some/"))).toEqual(["some/part-1.csv.out", "some/part-2.csv.out"]);
});

test("records of JSON are filtered, joined and filtered again", async () => {
  world.model = ({ body }) => `{"sum":${(JSON.parse(body) as number[]).reduce((a, b) => a + b)}}`;
  await world.put({
    "in/a.jsonl": '{"id":12345678901234567890,"features":[1,2]}\r\n\n{"id":"b","features":[3,4.50]}\n',
  });
  await world.transform({
    TransformInput: { ContentType: "application/jsonlines" } as never,
    TransformOutput: { S3OutputPath: "s3://data/out", Accept: "application/jsonlines" },
    DataProcessing: { InputFilter: "$.features", JoinSource: "Input", OutputFilter: "$['id','SageMakerOutput']" },
  });
  expect(world.bodies).toEqual(["[1,2]\n", "[3,4.50]\n"]);
  expect(await world.objects("out/")).toEqual({
    "out/a.jsonl.out":
      '{"id":12345678901234567890,"SageMakerOutput":{"sum":3}}\n{"id":"b","SageMakerOutput":{"sum":7.5}}\n',
  });
});

test.for([
  ["a list", "[1,2]\n", '{"SageMakerInput":[1,2],"SageMakerOutput":[1,2]}\n'],
  [
    "an object that has the member already",
    '{"SageMakerOutput":0,"a":1}\n',
    '{"SageMakerOutput":{"SageMakerOutput":0,"a":1},"a":1}\n',
  ],
] as const)("the answer to %s is a member beside it", async ([, input, output]) => {
  await world.put({ "in/a": input });
  await world.transform({
    TransformInput: { ContentType: "application/json" } as never,
    DataProcessing: { JoinSource: "Input" },
  });
  expect(await world.objects("out/")).toEqual({ "out/a.out": output });
});

test("one JSON document is one record", async () => {
  await world.put({ "in/a.json": '{\n "x": [1,\n 2]\n}\n' });
  await world.transform({
    TransformInput: { ContentType: "application/json", SplitType: "None" } as never,
    TransformOutput: { S3OutputPath: "s3://data/out", AssembleWith: "None" },
    DataProcessing: { InputFilter: "$.x", JoinSource: "Input", OutputFilter: "$.SageMakerOutput[-1]" },
  });
  expect(world.bodies).toEqual(["[1,2]"]);
  expect(await world.objects("out/")).toEqual({ "out/a.json.out": "2" });
});

test("columns of CSV are filtered and joined as they stand", async () => {
  world.model = ({ body }) =>
    body
      .trimEnd()
      .split("\n")
      .map((line) => `p${line.length}`)
      .join("\n");
  await world.put({ "in/a.csv": 'id1,"a,""b""",1\nid2,é,2\nid3,,3' });
  await world.transform({
    BatchStrategy: "MultiRecord",
    DataProcessing: { InputFilter: "$[1:]", JoinSource: "Input", OutputFilter: "$[0,1,-1]" },
  });
  expect(world.bodies).toEqual(['"a,""b""",1\né,2\n,3\n']);
  expect(await world.objects("out/")).toEqual({ "out/a.csv.out": 'id1,"a,""b""",p11\nid2,é,p3\nid3,,p2\n' });
});

test.for([
  [
    "an element that is not there",
    "1,2\n3\n",
    { InputFilter: "$[1]" },
    /line 2: InputFilter: \$\[1\]: there is no element 1 of 1/,
  ],
  [
    "quotes that do not close",
    '1,2\n"3,4\n',
    { InputFilter: "$[1]" },
    /line 2: InputFilter: column 1 begins with a quote that is not closed/,
  ],
  [
    "fewer answers than lines",
    "1,2\n\n3,4\n5,6\n",
    { JoinSource: "Input" },
    /line 1: JoinSource: the model answered 3 records \(from this line on\) with 1/,
  ],
] as const)("%s ends the object with the line's number", async ([, input, processing, message]) => {
  world.model = () => "1";
  await world.put({ "in/a.csv": input });
  const job = await world.transform({ BatchStrategy: "MultiRecord", DataProcessing: processing });
  expect(job.TransformJobStatus).toBe("Failed");
  expect(job.FailureReason).toMatch(/^ClientError: See job logs for more information\. 1 of 1 object has no output/);
  expect(job.FailureReason).toMatch(message);
  expect(await world.objects("out/")).toEqual({});
});

test("an object that the model refuses has no output; the others do, and the log says what was answered", async () => {
  world.model = ({ body }) => (body.startsWith("bad") ? [413, "Too\nmuch"] : body);
  await world.put({ "in/a": "1\n", "in/b": "ok\nbad\n", "in/c": "3\n" });
  const name = await world.create();
  const job = await world.ended(name);
  expect(job).toMatchObject({
    TransformJobStatus: "Failed",
    FailureReason: expect.stringMatching(
      /^ClientError: See job logs for more information\. 1 of 3 objects has no output; the first is s3:\/\/data\/in\/b: the model answered 413/,
    ),
  });
  expect(Object.keys(await world.objects("out/"))).toEqual(["out/a.out", "out/c.out"]);
  expect(world.bodies.filter((body) => body === "bad\n")).toHaveLength(1);
  const logs = await world.logs(name);
  const [plain = "", data = ""] = Object.keys(logs);
  expect(plain).toMatch(new RegExp(`^${name}/i-[0-9a-f]{17}-\\d{13}$`));
  expect(data).toBe(`${plain}/data-log`);
  const said = (logs[data] ?? []).map((line) =>
    line.replace(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}:\[sagemaker logs\]: /, ""),
  );
  expect(said).toEqual([
    "MaxConcurrentTransforms=1, MaxPayloadInMB=6, BatchStrategy=SINGLE_RECORD",
    "data/in/b: ClientError: 413",
    "data/in/b: ",
    "data/in/b: Message:",
    "data/in/b: Too",
    "data/in/b: much",
  ]);
});

test("what the container prefers holds where the request says nothing", async () => {
  world.parameters = { MaxConcurrentTransforms: 8, BatchStrategy: "MULTI_RECORD", MaxPayloadInMB: 12 };
  await world.put({ "in/a": "1\n2\n" });
  const first = async (name: string) =>
    Object.values(await world.logs(name))
      .flat()[0]
      ?.split(": ")[1];
  const { BatchStrategy: _, ...open } = world.request();
  const wishes = await world.create({ ...open, BatchStrategy: undefined, TransformJobName: "wishes" } as never);
  await world.ended(wishes);
  expect(world.bodies).toEqual(["1\n2\n"]);
  expect(await first("wishes")).toBe("MaxConcurrentTransforms=8, MaxPayloadInMB=12, BatchStrategy=MULTI_RECORD");
  await world.ended(await world.create({ TransformJobName: "said", MaxPayloadInMB: 2 }));
  expect(await first("said")).toBe("MaxConcurrentTransforms=8, MaxPayloadInMB=2, BatchStrategy=SINGLE_RECORD");
  world.parameters = "<html>not JSON</html>";
  await world.ended(await world.create({ ...open, BatchStrategy: undefined, TransformJobName: "silent" } as never));
  expect(await first("silent")).toBe("MaxConcurrentTransforms=1, MaxPayloadInMB=6, BatchStrategy=MULTI_RECORD");
});

test("requests of an object overlap, and its output keeps the input's order", async () => {
  let underWay = 0;
  let most = 0;
  world.model = async (call) => {
    underWay += 1;
    most = Math.max(most, underWay);
    // The later, the faster.
    await new Promise((resolve) => setTimeout(resolve, 40 - Number(call.body)));
    underWay -= 1;
    return doubled(call);
  };
  const numbers = Array.from({ length: 40 }, (_, i) => i);
  await world.put({ "in/a": numbers.join("\n"), "in/b": numbers.join("\n") });
  await world.transform({ MaxConcurrentTransforms: 7 });
  const wanted = `${numbers.map((n) => 2 * n).join("\n")}\n`;
  expect(await world.objects("out/")).toEqual({ "out/a.out": wanted, "out/b.out": wanted });
  expect(most).toBe(7);
});

test("several instances share the objects, and each object is one instance's", async () => {
  world.model = async ({ body }) => {
    await new Promise((resolve) => setTimeout(resolve, 10));
    return body;
  };
  const objects = Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`in/${i}`, `${i}a\n${i}b\n`]));
  await world.put(objects);
  await world.transform({ TransformResources: { InstanceType: "ml.m5.large", InstanceCount: 3 } });
  expect(Object.values(await world.objects("out/")).toSorted()).toEqual(Object.values(objects).toSorted());
  expect(new Set(world.calls.map(({ runId }) => runId)).size).toBe(3);
  for (let i = 0; i < 12; i++) {
    const mine = world.calls.filter(({ body }) => body === `${i}a\n` || body === `${i}b\n`);
    expect(new Set(mine.map(({ runId }) => runId)).size).toBe(1);
  }
});

test("there are no more instances than objects", async () => {
  await world.put({ "in/a": "1" });
  await world.transform({ TransformResources: { InstanceType: "ml.m5.large", InstanceCount: 5 } });
  expect(world.engine.started).toHaveLength(1);
});

test("a stop drops what is under way", async () => {
  let asked = (): void => {};
  const hanging = new Promise<void>((resolve) => (asked = resolve));
  world.model = ({ body }) => {
    if (body === "1\n") return "1";
    asked();
    return undefined;
  };
  await world.put({ "in/a": "1\n", "in/b": "2\n" });
  const name = await world.create();
  await hanging;
  await world.server.sagemaker.send(new StopTransformJobCommand({ TransformJobName: name }));
  expect(await world.ended(name)).toMatchObject({ TransformJobStatus: "Stopped", TransformEndTime: expect.any(Date) });
  expect(await world.objects("out/")).toEqual({ "out/a.out": "1\n" });
  await vi.waitFor(() => expect(world.engine.runs.size).toBe(0), patiently);
  await expect(
    world.server.sagemaker.send(new StopTransformJobCommand({ TransformJobName: name })),
  ).rejects.toMatchObject({
    name: "ValidationException",
    message: "The request was rejected because the transform job is in status Stopped.",
  });
});

test("another server goes on behind the last finished object", async () => {
  let asked = (): void => {};
  const hanging = new Promise<void>((resolve) => (asked = resolve));
  let isSecond = false;
  world.model = ({ body }) => {
    if (isSecond || !body.startsWith("c")) return body;
    asked();
    return undefined;
  };
  await world.put({ "in/a": "a\n", "in/b": "b\n", "in/c": "c1\nc2\n", "in/d": "d\n" });
  const name = await world.create();
  await hanging;
  // As a kill leaves it that comes between storing the output of b and writing that down.
  const { runs } = world.server.platform.dataDirectory;
  const [job] = (await readdir(runs)).filter((folder) => existsSync(join(runs, folder, "journal")));
  const journal = join(runs, job as string, "journal");
  const lines = () => readFileSync(journal, "utf8").split("\n");
  await vi.waitFor(() => expect(lines()).toHaveLength(3), patiently);
  await truncate(journal, `${lines()[0]}\n`.length);
  await world.restart();
  isSecond = true;
  // What was stored meanwhile is not input of this job.
  await world.put({ "in/e": "e\n" });
  expect(await world.ended(name)).toMatchObject({ TransformJobStatus: "Completed" });
  expect(Object.keys(await world.objects("out/"))).toEqual(["out/a.out", "out/b.out", "out/c.out", "out/d.out"]);
  expect(world.bodies).toEqual(["a\n", "b\n", "c1\n", "c1\n", "c2\n", "d\n"]);
  expect(world.engine.started).toHaveLength(1);
});

test("lists and tags are those of every resource", async () => {
  await world.put({ "in/a": "1" });
  const first = await world.transform({ TransformJobName: "first", Tags: [{ Key: "team", Value: "blue" }] });
  await world.transform({ TransformJobName: "second" });
  const { sagemaker } = world.server;
  const listed = await sagemaker.send(
    new ListTransformJobsCommand({ StatusEquals: "Completed", SortBy: "CreationTime" }),
  );
  expect(listed.TransformJobSummaries?.map(({ TransformJobName }) => TransformJobName)).toEqual(["second", "first"]);
  expect(listed.TransformJobSummaries?.[0]).toMatchObject({
    TransformJobStatus: "Completed",
    TransformEndTime: expect.any(Date),
  });
  const tags = await sagemaker.send(new ListTagsCommand({ ResourceArn: first.TransformJobArn }));
  expect(tags.Tags).toEqual([{ Key: "team", Value: "blue" }]);
  await expect(world.create({ TransformJobName: "first" })).rejects.toMatchObject({
    name: "ResourceInUse",
    message: `Job name must be unique within an AWS account and region, and a job with this name already exists (${first.TransformJobArn})`,
  });
  await expect(world.describe("Missing")).rejects.toMatchObject({
    name: "ValidationException",
    message: "Could not find requested job with name: Missing",
  });
});

test("captured data are manifests of what went in and came out, and joined records have ids", async () => {
  await world.put({ "in/x/a.csv": "1\n2\n", "in/x/b.csv": "3\n" });
  const job = await world.transform({
    TransformJobName: "captured",
    DataCaptureConfig: { DestinationS3Uri: "s3://data/captured/", GenerateInferenceId: true },
    DataProcessing: { JoinSource: "Input" },
  });
  const hour = (job.TransformEndTime as Date).toISOString().slice(0, 13).replace("T", "/").replaceAll("-", "/");
  const manifests = await world.objects("captured/");
  expect(JSON.parse(manifests[`captured/input/${hour}/captured.json`] as string)).toEqual([
    { prefix: "s3://data/in/x/" },
    "a.csv",
    "b.csv",
  ]);
  expect(JSON.parse(manifests[`captured/output/${hour}/captured.json`] as string)).toEqual([
    { prefix: "s3://data/out/" },
    "x/a.csv.out",
    "x/b.csv.out",
  ]);
  const rows = (await world.objects("out/"))["out/x/a.csv.out"]?.trimEnd().split("\n") ?? [];
  const time = (job.TransformStartTime as Date).toISOString();
  for (const [i, row] of rows.entries()) expect(row).toMatch(new RegExp(`^${i + 1},${i + 1},[0-9a-f-]{36},`));
  // The wire carries whole seconds.
  expect(rows[0]?.split(",")[3]?.slice(0, 19)).toBe(time.slice(0, 19));
  expect(new Set(rows.map((row) => row.split(",")[2])).size).toBe(2);
});
