import {
  CreateEndpointCommand,
  CreateEndpointConfigCommand,
  CreateModelCommand,
  DescribeEndpointCommand,
} from "@aws-sdk/client-sagemaker";
import { InvokeEndpointCommand, type InvokeEndpointCommandInput } from "@aws-sdk/client-sagemaker-runtime";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { FakeRun } from "../../serving/testkit/fake-engine.ts";
import { modelArchive, type ServingServer, startServingServer } from "../../serving/testkit/serving-server.ts";

const EndpointName = "stateful";
let server: ServingServer;
beforeEach(async () => {
  server = await startServingServer();
  await deploy(3);
  server.engine.behaviour = remember;
});
afterEach(() => server.close());

/** A container that counts requests of each session in its own memory, as the contract has it. */
const counts = new Map<string, number>();
const remember: (typeof server)["engine"]["behaviour"] = (request, response, run: FakeRun) => {
  const session = request.headers["x-amzn-sagemaker-session-id"];
  let body = "";
  request.on("data", (chunk) => {
    body += String(chunk);
  });
  request.on("end", () => {
    if (session === "NEW_SESSION") {
      const id = `s${counts.size}`;
      counts.set(`${run.id} ${id}`, 0);
      response.setHeader("x-amzn-sagemaker-new-session-id", `${id}; Expires=2027-01-01T00:00:00Z`);
    }
    if (body === "close") response.setHeader("x-amzn-sagemaker-closed-session-id", String(session));
    const count = counts.get(`${run.id} ${session}`);
    if (count !== undefined) counts.set(`${run.id} ${session}`, count + 1);
    response.end(`${run.id} ${session} ${count}`);
  });
};

test("a session stays with its instance, also over a restart of the server, and ends with the container's word", async () => {
  const sessions = await Promise.all(Array.from({ length: 6 }, open));
  // Sessions are opened on all instances.
  expect(new Set(sessions.map(({ run }) => run)).size).toBe(3);
  for (let round = 0; round < 4; round++) {
    for (const { id, run, own } of sessions)
      expect((await invoke({ SessionId: id })).text).toBe(`${run} ${own} ${round}`);
  }
  server = await server.restart();
  server.engine.behaviour = remember;
  for (const { id, run, own } of sessions) expect((await invoke({ SessionId: id })).text).toBe(`${run} ${own} 4`);
  const [{ id }] = sessions as [Opened];
  expect((await invoke({ SessionId: id, Body: Buffer.from("close") })).answer.ClosedSessionId).toBe(id);
});

test("a session is of its variant, and goes with its instance", async () => {
  const { id, run } = await open();
  await expect(invoke({ SessionId: id, TargetVariant: "Other" })).rejects.toThrow(/is of variant All, not of Other/u);
  expect((await invoke({ SessionId: id, TargetVariant: "All" })).text).toContain(run);
  server.engine.crash(run, 1);
  // Never another instance: it knows nothing of the session.
  await vi.waitFor(
    async () =>
      await expect(invoke({ SessionId: id })).rejects.toMatchObject({
        name: "ValidationError",
        message: `Session ${id} of endpoint ${EndpointName} not found: its instance is gone, or it was never opened. Open one with the session id NEW_SESSION.`,
      }),
    { timeout: 10_000, interval: 20 },
  );
  await expect(invoke({ SessionId: "made-up" })).rejects.toThrow(/^Session made-up of endpoint stateful not found/u);
  await expect(invoke({ SessionId: "made-up-i99" })).rejects.toThrow(/^Session made-up-i99 of endpoint/u);
});

interface Opened {
  /** As the caller has it. */
  readonly id: string;
  /** As the container has it. */
  readonly own: string;
  readonly run: string;
}

async function open(): Promise<Opened> {
  const { answer, text } = await invoke({ SessionId: "NEW_SESSION" });
  const match = /^(s\d+)-i\d+; Expires=2027-01-01T00:00:00Z$/u.exec(answer.NewSessionId ?? "");
  expect(match, answer.NewSessionId).not.toBeNull();
  return { id: (answer.NewSessionId ?? "").split(";")[0] ?? "", own: match?.[1] ?? "", run: text.split(" ")[0] ?? "" };
}

async function invoke(input: Partial<InvokeEndpointCommandInput>) {
  const answer = await server.runtime.send(
    new InvokeEndpointCommand({ EndpointName, Body: Buffer.from("x"), ...input }),
  );
  return { answer, text: Buffer.from(answer.Body).toString() };
}

async function deploy(InitialInstanceCount: number): Promise<void> {
  const ModelDataUrl = await server.upload("model.tar.gz", modelArchive());
  const PrimaryContainer = { Image: "linear-learner", ModelDataUrl };
  const ExecutionRoleArn = "arn:aws:iam::123456789012:role/SagebrushExecutionRole";
  await server.sagemaker.send(new CreateModelCommand({ ModelName: "m", ExecutionRoleArn, PrimaryContainer }));
  const variant = (VariantName: string, InitialVariantWeight: number) => ({
    ...{
      VariantName,
      ModelName: "m",
      InstanceType: "ml.m5.large" as const,
      InitialInstanceCount,
      InitialVariantWeight,
    },
  });
  const ProductionVariants = [variant("All", 1), variant("Other", 0)];
  await server.sagemaker.send(new CreateEndpointConfigCommand({ EndpointConfigName: "c", ProductionVariants }));
  await server.sagemaker.send(new CreateEndpointCommand({ EndpointName, EndpointConfigName: "c" }));
  const describe = () => server.sagemaker.send(new DescribeEndpointCommand({ EndpointName }));
  await vi.waitFor(async () => expect(await describe()).toMatchObject({ EndpointStatus: "InService" }), {
    timeout: 20_000,
    interval: 10,
  });
}
