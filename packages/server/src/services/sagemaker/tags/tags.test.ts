import {
  AddTagsCommand,
  CreateModelCommand,
  DeleteModelCommand,
  DeleteTagsCommand,
  ListTagsCommand,
  SageMakerClient,
} from "@aws-sdk/client-sagemaker";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startTestServer, type TestServer } from "../../../gateway/testkit.ts";
import { sagemakerService } from "../index.ts";

let server: TestServer;
let sagemaker: SageMakerClient;
beforeAll(async () => {
  server = await startTestServer({ services: [sagemakerService] });
  sagemaker = new SageMakerClient(server.client);
});
afterAll(() => server.close());

/** Makes a resource to tag. @returns Its ARN. */
async function resource(ModelName: string): Promise<string> {
  const ExecutionRoleArn = "arn:aws:iam::111122223333:role/SagebrushExecutionRole";
  const PrimaryContainer = { Image: "linear-learner" };
  const made = await sagemaker.send(new CreateModelCommand({ ModelName, ExecutionRoleArn, PrimaryContainer }));
  return made.ModelArn as string;
}

const tags = (...keys: string[]) => keys.map((Key) => ({ Key, Value: `${Key}-value` }));

async function listed(ResourceArn: string, MaxResults?: number): Promise<(string | undefined)[]> {
  const keys: (string | undefined)[] = [];
  let NextToken: string | undefined;
  do {
    const page = await sagemaker.send(new ListTagsCommand({ ResourceArn, MaxResults, NextToken }));
    keys.push(...(page.Tags ?? []).map(({ Key }) => Key));
    NextToken = page.NextToken;
  } while (NextToken !== undefined);
  return keys;
}

test("tags are added, changed and taken away", async () => {
  const ResourceArn = await resource("a");
  await sagemaker.send(new AddTagsCommand({ ResourceArn, Tags: tags("x", "y") }));
  const { Tags } = await sagemaker.send(new AddTagsCommand({ ResourceArn, Tags: [{ Key: "y", Value: "new" }] }));
  expect(Tags).toEqual([
    { Key: "x", Value: "x-value" },
    { Key: "y", Value: "new" },
  ]);
  await sagemaker.send(new DeleteTagsCommand({ ResourceArn, TagKeys: ["x", "nobody"] }));
  expect(await listed(ResourceArn)).toEqual(["y"]);
});

test("a name that differs only in case is taken, and changes nothing of the first", async () => {
  const ResourceArn = await resource("Mixed-Case");
  await sagemaker.send(new AddTagsCommand({ ResourceArn, Tags: tags("x") }));
  await expect(resource("mixed-case")).rejects.toMatchObject({
    name: "ValidationException",
    message: /already existing/,
  });
  expect(await listed(ResourceArn)).toEqual(["x"]);
  await sagemaker.send(new DeleteModelCommand({ ModelName: "Mixed-Case" }));
  expect(await listed(await resource("mixed-case"))).toEqual([]);
});

test("concurrent additions all count", async () => {
  const ResourceArn = await resource("b");
  const keys = Array.from({ length: 10 }, (_, i) => `k${i}`);
  await Promise.all(keys.map((key) => sagemaker.send(new AddTagsCommand({ ResourceArn, Tags: tags(key) }))));
  expect(await listed(ResourceArn)).toEqual(keys);
});

test("a resource has at most 50 tags, listed in pages", async () => {
  const ResourceArn = await resource("c");
  const keys = Array.from({ length: 50 }, (_, i) => `key-${String(i).padStart(2, "0")}`);
  await sagemaker.send(new AddTagsCommand({ ResourceArn, Tags: tags(...keys) }));
  await expect(sagemaker.send(new AddTagsCommand({ ResourceArn, Tags: tags("one-too-many") }))).rejects.toMatchObject({
    name: "ValidationException",
  });
  // The operation's own pages are of 50 at least, so that one page holds them all.
  expect(await listed(ResourceArn, 50)).toEqual(keys);
});

test("what does not exist, or no longer, has no tags and gets none", async () => {
  const ResourceArn = await resource("short-lived");
  await sagemaker.send(new DeleteModelCommand({ ModelName: "short-lived" }));
  const missing = { name: "ValidationException", message: expect.stringContaining("Could not find the resource") };
  await expect(sagemaker.send(new AddTagsCommand({ ResourceArn, Tags: tags("x") }))).rejects.toMatchObject(missing);
  await expect(sagemaker.send(new ListTagsCommand({ ResourceArn }))).rejects.toMatchObject(missing);
  await expect(sagemaker.send(new DeleteTagsCommand({ ResourceArn, TagKeys: ["x"] }))).rejects.toMatchObject(missing);
});
