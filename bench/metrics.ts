import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../packages/server/src/clock.ts";
import { distributionOf } from "../packages/server/src/metrics/distribution.ts";
import type { MetricPoints, MetricStore } from "../packages/server/src/metrics/metric-store.ts";
import { openMetricStore } from "../packages/server/src/metrics/sqlite/open-metric-store.ts";
import { median, quantile, report } from "./support/report.ts";

/**
 * The store of metrics with the series of many jobs: points written a second, bytes a point, and reads of one job's
 * chart and list. `npm run bench -- metrics` has 10,000 jobs of ten series; `SAGEBRUSH_BENCH_JOBS=500` is a quick try.
 */
const jobs = Number(process.env["SAGEBRUSH_BENCH_JOBS"] ?? 10_000);
const seriesOfJob = 10;
/** Points of each series, one a minute. */
const minutes = 20;
const pointsAtOnce = 1_000;
const reads = 300;

const scope = { partition: "aws", account: "000000000000", region: "us-east-1" };
const namespace = "/aws/sagemaker/TrainingJobs";
const start = Math.floor(Date.now() / 3_600_000) * 3600 - 3600;

function* points(): Generator<MetricPoints> {
  for (let minute = 0; minute < minutes; minute++) {
    for (let job = 0; job < jobs; job++) {
      for (let series = 0; series < seriesOfJob; series++) {
        yield {
          ...{ scope, namespace, name: `metric-${series}`, unit: "None", resolution: 60, at: start + minute * 60 },
          dimensions: [["TrainingJobName", `job-${job}`]],
          values: distributionOf([[job + series + minute / 10, 1]]),
        };
      }
    }
  }
}

async function write(store: MetricStore): Promise<number> {
  const began = performance.now();
  let batch: MetricPoints[] = [];
  let under: Promise<void>[] = [];
  for (const point of points()) {
    batch.push(point);
    if (batch.length < pointsAtOnce) continue;
    under.push(store.put(batch));
    batch = [];
    // As several clients that each wait for their answer.
    if (under.length === 8) await Promise.all(under.splice(0));
  }
  under.push(store.put(batch));
  await Promise.all(under);
  under = [];
  return (performance.now() - began) / 1000;
}

async function times(call: (job: string) => Promise<unknown>): Promise<number[]> {
  const taken: number[] = [];
  for (let i = 0; i < reads; i++) {
    const began = performance.now();
    await call(`job-${(i * 7919) % jobs}`);
    taken.push(performance.now() - began);
  }
  return taken;
}

const folder = mkdtempSync(join(tmpdir(), "sagebrush-metrics-"));
const path = join(folder, "metrics.db");
const store = openMetricStore(path, { clock: systemClock });
try {
  const seconds = await write(store);
  const count = jobs * seriesOfJob * minutes;
  const dimensions = (job: string) => [["TrainingJobName", job]] as const;
  const chart = await times((job) =>
    store.statistics({
      ...{ scope, namespace, name: "metric-3", dimensions: dimensions(job), period: 60 },
      ...{ from: start, to: start + 86_400 },
    }),
  );
  const list = await times((job) => store.list({ scope, namespace, dimensions: dimensions(job), limit: 500 }));
  report("metrics", [
    {
      what: `points written a second, ${jobs} jobs of ${seriesOfJob} series`,
      value: count / seconds,
      unit: "points/s",
    },
    { what: "bytes a point on the disk", value: statSync(path).size / count, unit: "bytes" },
    { what: `GetMetricStatistics of ${minutes} points, p50`, value: median(chart), unit: "ms" },
    { what: `GetMetricStatistics of ${minutes} points, p99`, value: quantile(chart, 0.99), unit: "ms" },
    { what: "ListMetrics of one job, p50", value: median(list), unit: "ms" },
  ]);
} finally {
  await store.close();
  rmSync(folder, { recursive: true, force: true });
}
