import {
  CreateEndpointCommand,
  CreateEndpointConfigCommand,
  CreateModelCommand,
  DescribeEndpointCommand,
  type MetricsConfig,
  type ProductionVariantInstanceType,
  UpdateEndpointWeightsAndCapacitiesCommand,
} from "@aws-sdk/client-sagemaker";
import { InvokeEndpointCommand } from "@aws-sdk/client-sagemaker-runtime";
import { afterEach, expect, test, vi } from "vitest";
import { standInGpus, standInUuid } from "../gpus/testkit.ts";
import { silentLog } from "../log.ts";
import { percentile } from "../metrics/distribution.ts";
import { instanceIdOf } from "./instance-id.ts";
import { LatencyHistogram } from "./latency-histogram.ts";
import { exposition } from "./prometheus/exposition.ts";
import { mostVariants, servingFamilies } from "./prometheus/serving-families.ts";
import { RoutingTable } from "./routing/routing-table.ts";
import { type ServingServer, startServingServer } from "./testkit/serving-server.ts";
import { UtilizationMonitor } from "./utilization/utilization-monitor.ts";
import { VariantCounters } from "./variant-metrics.ts";

let server: ServingServer;
afterEach(() => server?.close());

const account = "123456789012";
const region = "eu-west-1";
const patiently = { timeout: 10_000, interval: 5 };

test("an invocation's latency is told apart into the model's and ours, in microseconds", async () => {
  server = await startServingServer();
  await deploy("timed");
  server.engine.behaviour = (request, response) => {
    request.resume().on("end", () => setTimeout(() => response.end("x"), 50));
  };
  for (let n = 0; n < 4; n++) await invoke("timed");
  server.engine.behaviour = (request, response) => void request.resume().on("end", () => response.writeHead(418).end());
  await expect(invoke("timed")).rejects.toMatchObject({ name: "ModelError" });
  await server.publish();
  const [model, overhead, invocations] = [
    await variantMetric("timed", "AWS/SageMaker", "ModelLatency"),
    await variantMetric("timed", "AWS/SageMaker", "OverheadLatency"),
    await variantMetric("timed", "AWS/SageMaker", "Invocations"),
  ];
  expect(invocations?.values).toMatchObject({ count: 5, sum: 5 });
  expect(model).toMatchObject({ unit: "Microseconds", values: { count: 5 } });
  expect(overhead).toMatchObject({ unit: "Microseconds", values: { count: 5 } });
  expect(percentile(model?.values as never, 50)).toBeGreaterThan(45_000);
  // Signature, routing and writing take a part of that, on however slow a machine.
  expect(overhead?.values.min).toBeGreaterThan(0);
  expect(overhead?.values.min).toBeLessThan(50_000);
});

test("instances' use of cores, memory and disk is theirs per variant, and per instance with enhanced metrics", async () => {
  server = await startServingServer();
  await deploy("used", { MetricPublishFrequencyInSeconds: 10, EnableEnhancedMetrics: true });
  await server.sagemaker.send(
    new UpdateEndpointWeightsAndCapacitiesCommand({
      EndpointName: "used",
      DesiredWeightsAndCapacities: [{ VariantName: "All", DesiredInstanceCount: 2 }],
    }),
  );
  await vi.waitFor(() => expect(backends("used")).toHaveLength(2), patiently);
  const began = performance.now();
  const use = (cpuSeconds: number) => {
    for (const { runId } of backends("used")) {
      const usage = { memoryBytes: 2 ** 30, readBytes: 0, writtenBytes: 0, receivedBytes: 0, sentBytes: 0 };
      server.engine.usages.set(runId, { cpuSeconds, ...usage });
    }
  };
  use(10);
  await server.utilization.look();
  await vi.waitFor(() => expect(performance.now() - began).toBeGreaterThan(200), patiently);
  // One and a half cores of the time that went by, or more where the looks lay closer.
  use(10 + 1.5 * 0.2);
  await server.utilization.look();
  const cpu = await variantMetric("used", "/aws/sagemaker/Endpoints", "CPUUtilization");
  expect(cpu).toMatchObject({ unit: "Percent", values: { count: 2 } });
  expect(cpu?.values.max).toBeGreaterThan(10);
  expect(cpu?.values.max).toBeLessThan(200);
  const memory = await variantMetric("used", "/aws/sagemaker/Endpoints", "MemoryUtilization");
  // 1 GiB of the 8 of ml.m5.large, or of what this host has.
  expect(memory?.values.min).toBeGreaterThan(0);
  expect(memory?.values.min).toBe(memory?.values.max);
  expect((await variantMetric("used", "/aws/sagemaker/Endpoints", "DiskUtilization"))?.values.count).toBe(2);
  expect(await variantMetric("used", "/aws/sagemaker/Endpoints", "GPUUtilization")).toBeUndefined();
  const [{ runId } = { runId: "" }] = backends("used");
  const one = await variantMetric("used", "/aws/sagemaker/Endpoints", "CPUUtilization", instanceIdOf(runId));
  expect(one?.values.count).toBe(1);
});

test("instances of types with GPUs have what theirs do, 100 for each, and per instance with enhanced metrics", async () => {
  server = await startServingServer();
  const machine = standInGpus(2);
  try {
    machine.say(`${standInUuid(0)}, 30, 1024, 4096\n${standInUuid(1)}, 90, 2048, 4096\n`);
    await deploy("accelerated", { EnableEnhancedMetrics: true }, "ml.g4dn.12xlarge");
    const [{ runId } = { runId: "" }] = backends("accelerated");
    let now = Date.now();
    const monitor = new UtilizationMonitor({
      clock: { now: () => (now += 1_000) },
      ...{ engine: server.engine, routes: server.serving.routes, gpus: machine.gpus, log: silentLog },
      ...{ metrics: server.platform.metrics, folder: server.platform.dataDirectory.runs },
    });
    const usage = { memoryBytes: 1, readBytes: 0, writtenBytes: 0, receivedBytes: 0, sentBytes: 0 };
    server.engine.usages.set(runId, { cpuSeconds: 0, ...usage });
    await monitor.look();
    await monitor.look();
    const expected = [
      ["GPUUtilization", 120],
      ["GPUUtilizationNormalized", 60],
      ["GPUMemoryUtilization", 75],
      ["GPUMemoryUtilizationNormalized", 37.5],
    ] as const;
    for (const [name, value] of expected) {
      for (const instance of [undefined, instanceIdOf(runId)]) {
        const metric = await variantMetric("accelerated", "/aws/sagemaker/Endpoints", name, instance);
        expect(metric).toMatchObject({ unit: "Percent", values: { count: 1, max: value } });
      }
    }
  } finally {
    machine.remove();
  }
});

test("scrapers get counters, histograms and gauges; with a token set, only by it", async () => {
  server = await startServingServer();
  await deploy("scraped");
  for (let n = 0; n < 3; n++) await invoke("scraped");
  const labels = `account="${account}",region="${region}",endpoint="scraped",variant="All"`;
  const answer = await fetch(`${server.address}/metrics`);
  expect(answer.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
  const text = await answer.text();
  expect(text).toContain(`sagebrush_endpoint_requests_total{${labels},outcome="success"} 3\n`);
  expect(text).toContain(`sagebrush_endpoint_model_latency_seconds_bucket{${labels},le="+Inf"} 3\n`);
  expect(text).toContain(`sagebrush_endpoint_overhead_latency_seconds_count{${labels}} 3\n`);
  expect(text).toMatch(/^sagebrush_endpoint_instances\{.*endpoint="scraped".*\} 1$/mu);
  expect(text).toMatch(/^process_resident_memory_bytes [1-9]\d+$/mu);
  const status = async (headers: Record<string, string>) =>
    (await fetch(`${server.address}/metrics`, { headers })).status;
  // A page of another site.
  expect(await status({ origin: "http://elsewhere.example" })).toBe(401);
  await server.close();
  server = await startServingServer({ metricsToken: "s3cret" });
  expect(await status({})).toBe(401);
  expect(await status({ authorization: "Bearer wrong!" })).toBe(401);
  expect(await status({ authorization: "Bearer s3cret" })).toBe(200);
});

test("however many variants there are, the answer is bounded and nothing is lost from its sums", () => {
  const counters = new VariantCounters();
  for (let n = 0; n < mostVariants + 40; n++) {
    const counter = counters.of({ account, region }, `e${n}`, "All");
    for (let times = 0; times <= n % 7; times++) counter.count(n % 2 === 0 ? 200 : 500, 1);
  }
  const families = servingFamilies({
    counters,
    routes: new RoutingTable({ counters, captures: undefined as never, log: undefined as never }),
    sample: () => undefined,
  });
  const [requests] = families;
  expect(new Set(requests?.series.map(({ labels }) => labels["endpoint"])).size).toBe(mostVariants + 1);
  const counted = [...counters.all()].reduce((sum, { counter }) => sum + counter.invocations, 0);
  expect(requests?.series.reduce((sum, { value }) => sum + value, 0)).toBe(counted);
});

test("label values are escaped, and families without series are left out", () => {
  const series = [{ labels: { path: 'a"\\\n' }, value: Number.POSITIVE_INFINITY }];
  const families = [
    { name: "a", type: "gauge" as const, help: "What\nit is.", series },
    { name: "b", type: "counter" as const, help: "", series: [] },
  ];
  expect(exposition(families)).toBe('# HELP a What\\nit is.\n# TYPE a gauge\na{path="a\\"\\\\\\n"} +Inf\n');
});

test("a histogram keeps its percentiles within a tenth, in whatever parts it is counted", () => {
  const [whole, first, second] = [new LatencyHistogram(), new LatencyHistogram(), new LatencyHistogram()];
  const values = Array.from({ length: 10_000 }, (_, n) => 0.02 * 1.001 ** n);
  for (const [n, value] of values.entries()) {
    whole.add(value);
    (n % 3 === 0 ? first : second).add(value);
  }
  first.merge(second);
  expect(first.counts).toEqual(whole.counts);
  const { count, sumMs, leastMs, mostMs } = whole;
  const distribution = { count, sum: sumMs, min: leastMs, max: mostMs, spread: whole.spread(1) };
  for (const percent of [1, 50, 90, 99, 99.9]) {
    const exact = values[Math.ceil((percent / 100) * values.length) - 1] as number;
    expect(Math.abs((percentile(distribution, percent) as number) / exact - 1)).toBeLessThan(0.1);
  }
  expect(whole.upTo(64)).toBe(values.filter((value) => value <= 64).length);
  whole.add(Number.MAX_VALUE);
  expect(whole.take().count).toBe(10_001);
  expect(whole).toMatchObject({ count: 0, sumMs: 0 });
});

function backends(name: string) {
  return server.serving.routes.lookup({ account, region, name })?.variants[0]?.backends ?? [];
}

/** The last period of a metric of a variant, or of one of its instances. */
async function variantMetric(endpoint: string, namespace: string, name: string, instanceId?: string) {
  const now = Math.floor(Date.now() / 1_000);
  const dimensions = [
    ["EndpointName", endpoint],
    ["VariantName", "All"],
    ...(instanceId === undefined ? [] : [["InstanceId", instanceId]]),
  ] as [string, string][];
  const scope = { partition: "aws", account, region };
  const query = { scope, namespace, name, dimensions, from: now - 3_600, to: now + 3_600, period: 7_200 };
  return (await server.platform.metrics.statistics(query))[0];
}

async function invoke(EndpointName: string): Promise<void> {
  await server.runtime.send(new InvokeEndpointCommand({ EndpointName, Body: Buffer.from("x") }));
}

async function deploy(
  name: string,
  metrics?: MetricsConfig,
  InstanceType: ProductionVariantInstanceType = "ml.m5.large",
): Promise<void> {
  const ExecutionRoleArn = `arn:aws:iam::${account}:role/SagebrushExecutionRole`;
  const PrimaryContainer = { Image: "linear-learner" };
  await server.sagemaker.send(new CreateModelCommand({ ModelName: name, ExecutionRoleArn, PrimaryContainer }));
  const variant = { VariantName: "All", ModelName: name, InstanceType };
  await server.sagemaker.send(
    new CreateEndpointConfigCommand({
      EndpointConfigName: name,
      ProductionVariants: [{ ...variant, InitialInstanceCount: 1 }],
      ...(metrics && { MetricsConfig: metrics }),
    }),
  );
  await server.sagemaker.send(new CreateEndpointCommand({ EndpointName: name, EndpointConfigName: name }));
  await vi.waitFor(async () => {
    const { EndpointStatus } = await server.sagemaker.send(new DescribeEndpointCommand({ EndpointName: name }));
    expect(EndpointStatus).toBe("InService");
  }, patiently);
}
