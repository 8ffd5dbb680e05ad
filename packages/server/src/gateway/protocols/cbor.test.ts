import { gzipSync } from "node:zlib";
import { cbor, tag } from "@smithy/core/cbor";
import { afterAll, beforeAll, expect, test } from "vitest";
import { cloudWatchService } from "../../services/cloudwatch/service.ts";
import { startTestServer, type TestServer } from "../testkit.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ services: [cloudWatchService], configuration: { auth: "open" } });
});
afterAll(() => server.close());

async function send(body: Uint8Array, headers: Record<string, string> = {}, operation = "ListMetrics") {
  const answer = await fetch(`${server.endpoint}/service/GraniteServiceVersion20100801/operation/${operation}`, {
    method: "POST",
    headers: { "smithy-protocol": "rpc-v2-cbor", "content-type": "application/cbor", ...headers },
    body: Buffer.from(body),
  });
  const bytes = new Uint8Array(await answer.arrayBuffer());
  const value = (bytes.length > 0 ? cbor.deserialize(bytes) : undefined) as Record<string, unknown> | undefined;
  return { status: answer.status, protocol: answer.headers.get("smithy-protocol"), value, headers: answer.headers };
}

test("an answer says its protocol, and an empty body is an input without members", async () => {
  expect(await send(new Uint8Array())).toMatchObject({ status: 200, protocol: "rpc-v2-cbor", value: { Metrics: [] } });
  expect(await send(gzipSync(cbor.serialize({})), { "content-encoding": "gzip" })).toMatchObject({ status: 200 });
});

test.for<[string, Uint8Array, string]>([
  ["bytes that are no CBOR", Buffer.from("ff00", "hex"), "not valid CBOR"],
  ["a cut document", cbor.serialize({ Namespace: "abc" }).subarray(0, 6), "not valid CBOR"],
  ["a list that promises more than memory holds", Buffer.from("9bffffffffffffffff", "hex"), ""],
  [
    "a number for a text",
    cbor.serialize({ Namespace: 5 }),
    "NUMBER_VALUE can not be converted to a String at Namespace",
  ],
  ["a text for a list", cbor.serialize({ Dimensions: "a" }), "Expected list or null at Dimensions"],
  ["a very deep document", Buffer.concat([Buffer.alloc(200_000, 0x81), Buffer.from([0])]), ""],
])("%s is refused", async ([, body, message]) => {
  const { status, value, headers } = await send(body);
  expect({ status, type: value?.["__type"] }).toEqual({ status: 400, type: "SerializationException" });
  expect(value?.["message"]).toContain(message);
  expect(headers.get("x-amzn-query-error")).toBe("SerializationException;Sender");
});

test("times come with their tag or as numbers, and not as texts", async () => {
  const ask = (time: unknown) => ({
    ...{ Namespace: "n", MetricName: "m", Period: 60, Statistics: ["Sum"] },
    ...{ StartTime: time, EndTime: 1_700_000_600 },
  });
  const get = (time: unknown) => send(cbor.serialize(ask(time)), {}, "GetMetricStatistics");
  expect(await get(1_700_000_000.5)).toMatchObject({ status: 200 });
  expect(await get(tag({ tag: 1, value: 1_700_000_000 }))).toMatchObject({ status: 200 });
  expect(await get("2026-01-01")).toMatchObject({ status: 400 });
});

test("a modelled error has its shape's name, and the old one in a header", async () => {
  const { status, value, headers } = await send(cbor.serialize({ NextToken: "x" }));
  expect(status).toBe(400);
  expect(value).toMatchObject({ __type: "com.amazonaws.cloudwatch#InvalidParameterValueException" });
  expect(headers.get("x-amzn-query-error")).toBe("InvalidParameterValue;Sender");
});

test.for([
  ["another type of content", { "content-type": "application/json" }, 415],
  ["another protocol", { "smithy-protocol": "rpc-v2-json" }, 404],
] as const)("%s is refused", async ([, headers, status]) => {
  expect((await send(cbor.serialize({}), headers)).status).toBe(status);
});
