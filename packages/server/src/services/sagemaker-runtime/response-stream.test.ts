import { CreateEndpointCommand, CreateEndpointConfigCommand, CreateModelCommand } from "@aws-sdk/client-sagemaker";
import {
  InvokeEndpointWithResponseStreamCommand,
  type InvokeEndpointWithResponseStreamCommandInput,
  type ResponseStream,
} from "@aws-sdk/client-sagemaker-runtime";
import { EventStreamCodec } from "@smithy/core/event-streams";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { modelArchive, type ServingServer, startServingServer } from "../../serving/testkit/serving-server.ts";
import { eventMessage } from "./event-stream.ts";

const EndpointName = "talkative";
let server: ServingServer;
beforeEach(async () => {
  server = await startServingServer();
  await deploy();
});
afterEach(() => server.close());

test("each piece of an answer goes out when it comes, not when all is there", async () => {
  let more: () => void = () => {};
  server.engine.behaviour = (request, response) => {
    request.resume();
    response.writeHead(200, { "content-type": "text/event-stream", "x-amzn-sagemaker-custom-attributes": "a=b" });
    response.write("first ");
    more = () => response.end("second");
  };
  const answer = await stream({ Accept: "text/event-stream" });
  expect(answer).toMatchObject({
    ContentType: "text/event-stream",
    InvokedProductionVariant: "All",
    CustomAttributes: "a=b",
  });
  expect(server.engine.running[0]?.requests.at(-1)?.headers).toMatchObject({ accept: "text/event-stream" });
  const events = (answer.Body as NonNullable<typeof answer.Body>)[Symbol.asyncIterator]();
  expect(textOf((await events.next()).value)).toBe("first ");
  more();
  let rest = "";
  for (let next = await events.next(); !next.done; next = await events.next()) rest += textOf(next.value);
  expect(rest).toBe("second");
});

test("a long stream comes whole, and an empty one is none", async () => {
  const size = 8 * 1024 * 1024;
  server.engine.behaviour = (request, response) => {
    request.resume();
    response.end(Buffer.alloc(size, "x"));
  };
  let length = 0;
  for await (const event of (await stream()).Body ?? []) length += event.PayloadPart?.Bytes?.length ?? 0;
  expect(length).toBe(size);
  server.engine.behaviour = (request, response) => {
    request.resume();
    response.end();
  };
  const events = [];
  for await (const event of (await stream()).Body ?? []) events.push(event);
  expect(events).toEqual([]);
});

test("a model that breaks off in the middle is told in the stream, an error before that as an error", async () => {
  server.engine.behaviour = (request, response) => {
    request.resume();
    response.writeHead(200, { "content-length": "1000" });
    response.write("half");
    setTimeout(() => response.destroy(), 20);
  };
  const answer = await stream();
  let text = "";
  const read = async () => {
    for await (const event of answer.Body ?? []) text += textOf(event);
  };
  await expect(read()).rejects.toMatchObject({ name: "ModelStreamError", ErrorCode: "StreamBroken" });
  expect(text).toBe("half");
  server.engine.behaviour = (request, response) => {
    request.resume();
    response.writeHead(418).end("no");
  };
  await expect(stream()).rejects.toMatchObject({ name: "ModelError", OriginalStatusCode: 418, OriginalMessage: "no" });
  await expect(stream({ SessionId: "NEW_SESSION" })).rejects.toThrow(/'NEW_SESSION' at 'sessionId'/u);
  await expect(stream({ TargetVariant: "None" })).rejects.toThrow(/Variant None of endpoint talkative not found/u);
});

test("a body over the limit is refused before the model sees it", async () => {
  server.engine.behaviour = () => expect.unreachable("the model was asked");
  await expect(stream({ Body: Buffer.alloc(25 * 1024 * 1024 + 1) })).rejects.toMatchObject({
    name: "ValidationError",
    $metadata: { httpStatusCode: 400 },
  });
});

test("a caller that hangs up in the middle leaves the instance free for others", async () => {
  let isGone = false;
  server.engine.behaviour = (request, response) => {
    request.resume();
    const timer = setInterval(() => response.write("tick"), 5);
    setTimeout(() => {
      clearInterval(timer);
      response.end();
      isGone = true;
    }, 300);
  };
  const answer = await stream();
  for await (const _ of answer.Body ?? []) break;
  await vi.waitFor(() => expect(isGone).toBe(true), { timeout: 10_000 });
  const [run] = server.engine.running;
  await vi.waitFor(() => expect(server.serving.routes.backend(run?.id ?? "")?.outstanding).toBe(0), {
    timeout: 10_000,
  });
  server.engine.behaviour = (request, response) => request.pipe(response);
  let text = "";
  for await (const event of (await stream()).Body ?? []) text += textOf(event);
  expect(text).toBe("x");
});

test("messages are what the SDK's codec reads and writes", () => {
  const codec = new EventStreamCodec(
    (bytes) => Buffer.from(bytes).toString(),
    (text) => Buffer.from(text),
  );
  const names = fc.string({ minLength: 1, maxLength: 60, unit: "grapheme-ascii" });
  // The SDK's codec puts headers into an object, where this name is lost.
  const name = names.filter((text) => text !== "__proto__");
  fc.assert(
    fc.property(
      fc.dictionary(name, fc.string({ maxLength: 300 })),
      fc.uint8Array({ maxLength: 2_000 }),
      (headers, body) => {
        const typed = Object.fromEntries(
          Object.entries(headers).map(([key, value]) => [key, { type: "string" as const, value }]),
        );
        const message = eventMessage(headers, body);
        expect(message.equals(codec.encode({ headers: typed, body }))).toBe(true);
        expect(codec.decode(message)).toEqual({ headers: typed, body });
      },
    ),
  );
});

function textOf(event: ResponseStream | undefined): string {
  return Buffer.from(event?.PayloadPart?.Bytes ?? []).toString();
}

function stream(input: Partial<InvokeEndpointWithResponseStreamCommandInput> = {}) {
  return server.runtime.send(
    new InvokeEndpointWithResponseStreamCommand({ EndpointName, Body: Buffer.from("x"), ...input }),
  );
}

async function deploy(): Promise<void> {
  const ModelDataUrl = await server.upload("model.tar.gz", modelArchive());
  const PrimaryContainer = { Image: "linear-learner", ModelDataUrl };
  const ExecutionRoleArn = "arn:aws:iam::123456789012:role/SagebrushExecutionRole";
  await server.sagemaker.send(new CreateModelCommand({ ModelName: "m", ExecutionRoleArn, PrimaryContainer }));
  const variant = { VariantName: "All", ModelName: "m", InstanceType: "ml.m5.large" as const, InitialInstanceCount: 1 };
  await server.sagemaker.send(
    new CreateEndpointConfigCommand({ EndpointConfigName: "c", ProductionVariants: [variant] }),
  );
  await server.sagemaker.send(new CreateEndpointCommand({ EndpointName, EndpointConfigName: "c" }));
  await vi.waitFor(async () => await stream(), { timeout: 20_000, interval: 10 });
}
