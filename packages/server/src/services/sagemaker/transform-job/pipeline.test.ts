import { CreateModelCommand } from "@aws-sdk/client-sagemaker";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { modelArchive } from "../../../serving/testkit/serving-server.ts";
import { TransformServer } from "./testkit/transform-server.ts";

let world: TransformServer;
beforeEach(async () => {
  world = await TransformServer.start();
  await world.put({ "in/1.csv": "1\n2\n", "in/2.csv": "3\n" });
  // Each container puts its own letter behind what it gets.
  world.model = ({ runId, body }) => `${body.trim()}${letterOf(runId)}`;
});
afterEach(() => world.close());

test("every record goes through all containers of a pipeline", async () => {
  await createModel("pipeline", "Serial");
  const job = await world.transform({ ModelName: "pipeline" });
  expect(job.TransformJobStatus).toBe("Completed");
  expect(await world.objects("out/")).toEqual({ "out/1.csv.out": "1ab\n2ab\n", "out/2.csv.out": "3ab\n" });
  const environment = world.calls.map(({ runId }) => (runId.endsWith("-c2") ? "b" : "a")).sort();
  expect(environment).toEqual(["a", "a", "a", "b", "b", "b"]);
  const logs = Object.keys(await world.logs(job.TransformJobName as string)).sort();
  expect(logs).toMatchObject([
    expect.stringMatching(/\/container-1$/u),
    expect.stringMatching(/\/container-2$/u),
    expect.stringMatching(/\/data-log$/u),
  ]);
  await vi.waitFor(() => expect(world.engine.runs.size).toBe(0), { timeout: 10_000 });
});

test("a record that a container refuses is told with the container's name", async () => {
  await createModel("pipeline", "Serial");
  world.model = ({ runId, body }) => (letterOf(runId) === "b" ? [400, "not a number"] : body);
  const job = await world.transform({ ModelName: "pipeline" });
  expect(job.TransformJobStatus).toBe("Failed");
  const lines = Object.values(await world.logs(job.TransformJobName as string)).flat();
  expect(lines.join("\n")).toContain("container-2: not a number");
});

test("a pipeline's instance that dies is replaced whole, and the job goes on", async () => {
  await createModel("pipeline", "Serial");
  let isFirst = true;
  world.model = ({ runId, body }) => {
    if (letterOf(runId) === "b" && isFirst) {
      isFirst = false;
      world.engine.crash(runId, 1);
      return undefined;
    }
    return `${body.trim()}${letterOf(runId)}`;
  };
  const job = await world.transform({ ModelName: "pipeline" });
  expect(job.TransformJobStatus).toBe("Completed");
  expect(await world.objects("out/")).toEqual({ "out/1.csv.out": "1ab\n2ab\n", "out/2.csv.out": "3ab\n" });
  expect(new Set(world.calls.map(({ runId }) => runId)).size).toBe(4);
});

test("a model whose containers are invoked directly is not for transform jobs", async () => {
  await createModel("direct", "Direct");
  await expect(world.create({ ModelName: "direct" })).rejects.toMatchObject({
    name: "ValidationException",
    message: expect.stringContaining("InferenceExecutionConfig has Mode Direct"),
  });
});

function letterOf(runId: string): string {
  return world.engine.runs.get(runId)?.spec.environment["LETTER"] ?? "?";
}

async function createModel(ModelName: string, Mode: "Serial" | "Direct"): Promise<void> {
  const ModelDataUrl = await world.server.upload("pipeline.tar.gz", modelArchive());
  const Containers = ["a", "b"].map((letter) => ({
    ...{ Image: "linear-learner", ModelDataUrl, Environment: { LETTER: letter } },
    ...(Mode === "Direct" && { ContainerHostname: letter }),
  }));
  const ExecutionRoleArn = "arn:aws:iam::123456789012:role/SagebrushExecutionRole";
  await world.server.sagemaker.send(
    new CreateModelCommand({ ModelName, ExecutionRoleArn, Containers, InferenceExecutionConfig: { Mode } }),
  );
}
