import type { ServerResponse } from "node:http";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { TransformServer } from "./testkit/transform-server.ts";

let world: TransformServer;
beforeEach(async () => {
  world = await TransformServer.start();
});
afterEach(() => world.close());

const client = { InvocationsTimeoutInSeconds: 1, InvocationsMaxRetries: 1 };

test.for<[string, (response: ServerResponse) => [number, string] | undefined]>([
  ["answers 503", () => [503, "busy"]],
  ["answers 429", () => [429, "slow down"]],
  ["hangs", () => undefined],
  [
    "breaks off in the middle of its answer",
    (response) => {
      response.writeHead(200, { "content-length": "1000" }).write("half", () => response.destroy());
      return undefined;
    },
  ],
  [
    "hangs in the middle of its answer",
    (response) => {
      response.writeHead(200, { "content-length": "1000" }).write("half");
      return undefined;
    },
  ],
] as const)("a model that %s once is asked again", async ([, misbehave]) => {
  let times = 0;
  world.model = ({ body }, response) => {
    times += 1;
    return body === "2\n" && times === 2 ? misbehave(response) : body;
  };
  await world.put({ "in/a": "1\n2\n3\n" });
  expect(await world.transform({ ModelClientConfig: client })).toMatchObject({ TransformJobStatus: "Completed" });
  expect(await world.objects("out/")).toEqual({ "out/a.out": "1\n2\n3\n" });
  expect(times).toBe(4);
});

test.for<[string, number, string, string[]]>([
  ["answers 500", 500, "the model answered 500: no", ["AlgorithmError: 500", "", "Message:", "no"]],
  [
    "hangs",
    0,
    "the model gave no answer within 1 s (ModelClientConfig.InvocationsTimeoutInSeconds)",
    [
      "Unable to get response from algorithm",
      "the model gave no answer within 1 s (ModelClientConfig.InvocationsTimeoutInSeconds)",
    ],
  ],
])("a model that %s is given up after its retries, and the object with it", async ([, status, reason, said]) => {
  let times = 0;
  world.model = ({ body }) => {
    if (body !== "2\n") return body;
    times += 1;
    return status === 0 ? undefined : [status, "no"];
  };
  await world.put({ "in/a": "1\n2\n3\n", "in/b": "4\n" });
  const name = await world.create({ ModelClientConfig: client });
  expect(await world.ended(name)).toMatchObject({
    TransformJobStatus: "Failed",
    FailureReason: `AlgorithmError: See job logs for more information. 1 of 2 objects has no output; the first is s3://data/in/a: ${reason}`,
  });
  expect(times).toBe(2);
  expect(await world.objects("out/")).toEqual({ "out/b.out": "4\n" });
  const logs = Object.values(await world.logs(name)).flat();
  expect(logs.slice(1).map((line) => line.split("]: data/in/a: ")[1])).toEqual(said);
});

test("a refusal is not repeated", async () => {
  world.model = () => [400, "bad"];
  await world.put({ "in/a": "1\n" });
  await world.transform();
  expect(world.calls).toHaveLength(1);
});

test("a server that dies is replaced, and what it was asked is asked again", async () => {
  let died = false;
  world.model = ({ body, runId }) => {
    if (died || body !== "2\n") return body;
    died = true;
    world.engine.crash(runId, 137);
    return undefined;
  };
  await world.put({ "in/a": "1\n2\n3\n" });
  expect(await world.transform()).toMatchObject({ TransformJobStatus: "Completed" });
  expect(await world.objects("out/")).toEqual({ "out/a.out": "1\n2\n3\n" });
  expect(world.engine.started).toHaveLength(2);
});

test("a server that dies of every request fails the job in the end", { timeout: 60_000 }, async () => {
  world.model = ({ runId }) => {
    world.engine.crash(runId, 139);
    return undefined;
  };
  await world.put(Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`in/${i}`, "1\n"])));
  const job = await world.transform({ ModelClientConfig: { InvocationsMaxRetries: 3 } });
  expect(job.FailureReason).toMatch(
    /^AlgorithmError: See job logs for more information\. The model container died 8 times in a row: it exited with code 139/,
  );
});

test("a container that never comes up fails the job, with its exit code", async () => {
  world.engine.onStart = () => ({ exitCode: 3 });
  await world.put({ "in/a": "1\n" });
  expect(await world.transform()).toMatchObject({
    TransformJobStatus: "Failed",
    FailureReason: "AlgorithmError: Model container failed to respond to ping (it exited with code 3)",
  });
  expect(world.engine.started).toHaveLength(3);
  await vi.waitFor(() => expect(world.engine.runs.size).toBe(0));
});

test("a model whose archive is gone fails the job", async () => {
  await world.put({ "in/a": "1\n" });
  await world.server.platform.objects.remove("models", "model.tar.gz");
  expect(await world.transform()).toMatchObject({
    TransformJobStatus: "Failed",
    FailureReason: "ClientError: Could not find model data at s3://models/model.tar.gz.",
  });
});

test("an input that goes away while the job runs fails its object alone", async () => {
  const { objects } = world.server.platform;
  world.model = async ({ body }) => {
    if (body === "1\n") await objects.remove("data", "in/b");
    return body;
  };
  await world.put({ "in/a": "1\n", "in/b": "2\n", "in/c": "3\n" });
  const job = await world.transform();
  expect(job.FailureReason).toMatch(/^ClientError: .* 1 of 3 objects has no output; the first is s3:\/\/data\/in\/b: /);
  expect(Object.keys(await world.objects("out/"))).toEqual(["out/a.out", "out/c.out"]);
});

test("a line that is too long is refused, and so is what is no RecordIO", async () => {
  await world.put({ "in/a": `1\n${"x".repeat(1024 ** 2 + 100)}\n` });
  expect((await world.transform({ MaxPayloadInMB: 1 })).FailureReason).toMatch(
    /s3:\/\/data\/in\/a: behind line \d+: a line is larger than \d+ bytes, which MaxPayloadInMB allows/,
  );
  const job = await world.transform({
    TransformInput: { SplitType: "RecordIO" } as never,
    TransformOutput: { S3OutputPath: "s3://data/out", AssembleWith: "None" },
  });
  expect(job.FailureReason).toMatch(/expected a RecordIO frame \(0a 23 d7 ce\), got 31 0a 78 78/);
});

test("a body without a limit is sent as it is read, and again from its beginning", async () => {
  let times = 0;
  const content = "0123456789abcde\n".repeat(1024 ** 2);
  world.model = ({ body }) => {
    times += 1;
    return times === 1 ? [503, "busy"] : body;
  };
  await world.put({ "in/a": content });
  const job = await world.transform({ BatchStrategy: "MultiRecord", MaxPayloadInMB: 0 });
  expect(job).toMatchObject({ TransformJobStatus: "Completed", MaxPayloadInMB: 0 });
  expect(times).toBe(2);
  const output = (await world.objects("out/"))["out/a.out"];
  // Not by `toBe`: a difference of 16 MB helps nobody.
  expect(output === content).toBe(true);
});

test("output that is stored below the input's prefix is not input", async () => {
  await world.put({ "in/a": "1\n", "in/b": "2\n" });
  const job = await world.transform({ TransformOutput: { S3OutputPath: "s3://data/in/done" } });
  expect(job.TransformJobStatus).toBe("Completed");
  expect(Object.keys(await world.objects("in/done"))).toEqual(["in/done/a.out", "in/done/b.out"]);
});
