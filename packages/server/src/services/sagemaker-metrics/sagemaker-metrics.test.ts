import { createHash, createHmac } from "node:crypto";
import { SignatureV4 } from "@smithy/signature-v4";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startTestServer, type TestServer } from "../../gateway/testkit.ts";
import { sagemakerMetricsService } from "./service.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ services: [sagemakerMetricsService] });
});
afterAll(() => server.close());

class Sha256 {
  readonly #hash;
  constructor(secret?: Uint8Array | string) {
    this.#hash = secret === undefined ? createHash("sha256") : createHmac("sha256", secret);
  }
  update(data: Uint8Array | string): void {
    this.#hash.update(data);
  }
  digest(): Promise<Uint8Array> {
    return Promise.resolve(this.#hash.digest());
  }
  reset(): void {}
}

/** There is no JavaScript client of this service: a signed request, as boto3 sends it (which has a suite of its own). */
async function send(method: string, path: string, body: object): Promise<Record<string, unknown>> {
  const signer = new SignatureV4({
    ...{ service: "sagemaker", region: "us-west-2", credentials: server.credentials },
    sha256: Sha256 as never,
  });
  const signed = await signer.sign({
    ...{ method, path, protocol: "http:", hostname: "127.0.0.1", port: server.port, query: {} },
    headers: { host: `127.0.0.1:${server.port}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const { headers } = signed as { headers: Record<string, string> };
  const answer = await fetch(`${server.endpoint}${path}`, { method, headers, body: JSON.stringify(body) });
  return { status: answer.status, ...((await answer.json()) as object) };
}

const arn = "arn:aws:sagemaker:us-west-2:111122223333:experiment-trial-component/run-1";
const minute = Math.floor(Date.now() / 60_000) * 60;

test("values come back by step and by time", async () => {
  const at = (seconds: number, Step: number | undefined, Value: number) => ({
    ...{ MetricName: "loss", Timestamp: minute + seconds, Value },
    ...(Step !== undefined && { Step }),
  });
  const put = await send("PUT", "/BatchPutMetrics", {
    TrialComponentName: "run-1",
    MetricData: [at(0, 0, 4), at(1, 1, 2), at(2, 1, 4), at(61, 2, 1), at(62, undefined, 9)],
  });
  expect(put).toEqual({ status: 200 });
  const query = (MetricStat: string, Period: string, XAxisType: string, range: object = {}) => ({
    ...{ MetricName: "loss", ResourceArn: arn, MetricStat, Period, XAxisType },
    ...range,
  });
  const { MetricQueryResults } = await send("POST", "/BatchGetMetrics", {
    MetricQueries: [
      query("Avg", "IterationNumber", "IterationNumber"),
      query("StdDev", "IterationNumber", "IterationNumber", { Start: 1, End: 1 }),
      query("Max", "OneMinute", "Timestamp"),
      query("Last", "OneHour", "Timestamp", { Start: minute * 1000, End: minute * 1000 + 61_000 }),
      query("Count", "OneMinute", "IterationNumber"),
      query("Min", "IterationNumber", "Timestamp"),
      { ...query("Min", "OneMinute", "Timestamp"), ResourceArn: arn.replace("experiment-trial-component", "model") },
      { ...query("Min", "OneMinute", "Timestamp"), MetricName: "nothing" },
    ],
  });
  const hour = Math.floor(minute / 3600) * 3600;
  expect(MetricQueryResults).toMatchObject([
    { Status: "Complete", XAxisValues: [0, 1, 2], MetricValues: [4, 3, 1] },
    { Status: "Complete", XAxisValues: [1], MetricValues: [1] },
    { Status: "Complete", XAxisValues: [minute * 1000, (minute + 60) * 1000], MetricValues: [4, 9] },
    ...[
      (minute + 61) % 3600 > 61
        ? { Status: "Complete", XAxisValues: [hour * 1000], MetricValues: [1] }
        : { Status: "Complete" },
    ],
    { Status: "Complete", XAxisValues: [0, 2], MetricValues: [3, 1] },
    { Status: "ValidationError" },
    { Status: "ValidationError" },
    { Status: "Complete", XAxisValues: [], MetricValues: [] },
  ]);
});

test("what breaks the model's rules is refused whole", async () => {
  const MetricData = Array.from({ length: 11 }, () => ({ MetricName: "m", Timestamp: 1, Value: 1 }));
  expect(await send("PUT", "/BatchPutMetrics", { TrialComponentName: "run-1", MetricData })).toMatchObject({
    status: 400,
    message: expect.stringContaining("metricData"),
  });
});
