import type { MessagePort } from "node:worker_threads";
import { bodyBudget } from "../gateway/body-budget.ts";
import { credentialStore } from "../gateway/credentials.ts";
import { startGateway } from "../gateway/gateway.ts";
import { HandOver } from "../gateway/hand-over.ts";
import { limits } from "../gateway/limits.ts";
import { loadService } from "../gateway/schemas.ts";
import { jsonLog } from "../log.ts";
import { realTimeService } from "../services/sagemaker-runtime/service.ts";
import { Captures } from "../serving/capture/capture.ts";
import { Invoker } from "../serving/invoke/invoker.ts";
import { InstanceLoads } from "../serving/routing/instance-load.ts";
import { RoutingTable } from "../serving/routing/routing-table.ts";
import { VariantCounters } from "../serving/variant-metrics.ts";
import { MainProcess } from "./main-process.ts";
import type { WorkerOrder } from "./messages.ts";
import { platformOfWorker } from "./platform-of-worker.ts";
import { RoutedEndpoints } from "./routed-endpoints.ts";

/** Counts reach the main process this often. */
const countEveryMs = 1_000;

/**
 * One gateway worker: listens on the server's port beside the others and serves invocations from connection to model and
 * back. What it does not know it hands to the main process as it came.
 */
export async function runGatewayWorker(order: WorkerOrder, port: MessagePort): Promise<void> {
  const { configuration, invocationTimeoutMs: timeoutMs } = order;
  bodyBudget.limitBytes /= order.workers;
  const requestsPerInstance = configuration.serving?.requestsPerInstance;
  const log = jsonLog((line) => process.stderr.write(line));
  const main = new MainProcess(port);
  const counters = new VariantCounters();
  const captures = new Captures({ objects: main, log });
  const loads = new InstanceLoads(order.workers, order.worker);
  const table = new RoutingTable({
    ...{ counters, captures, log, loads },
    ...(requestsPerInstance !== undefined && { requestsPerInstance }),
  });
  const endpoints = new RoutedEndpoints({ table, loads, find: (endpoint) => main.find(endpoint) });
  for (const change of order.routes) endpoints.change(change);
  const invoker = new Invoker({
    routes: endpoints,
    suspected: (runId) => main.suspect(runId),
    ...(timeoutMs !== undefined && { timeoutMs }),
  });
  const handOver = new HandOver(order.socket);
  const runtime = realTimeService(invoker);
  // Before the first request, which would wait for it.
  await loadService(runtime.name);
  const gateway = await startGateway({
    platform: platformOfWorker(configuration, log),
    services: [runtime],
    credentials: credentialStore(order.root),
    listen: { port: order.port, host: configuration.host, reusePort: true },
    connections: Math.ceil(limits.connections / order.workers),
    elsewhere: (request, response, expectsContinue) => {
      // Pages of other origins and queries may mean a bucket of that name.
      if (request.method === "POST" && request.headers.origin === undefined && endpoints.serves(request.url ?? "")) {
        return false;
      }
      handOver.take(request, response, expectsContinue);
      return true;
    },
  });
  const counting = setInterval(() => main.count(counters), countEveryMs).unref();
  main.listen({
    route(change) {
      // Before the counters go with the endpoint.
      if (change.record === undefined) main.count(counters);
      endpoints.change(change);
      if (change.record === undefined) counters.forget(change.endpoint, change.endpoint.name);
    },
    async drain(graceMs) {
      clearInterval(counting);
      await gateway.close(graceMs);
      main.count(counters);
      table.close();
      await captures.close();
      handOver.close();
    },
  });
  main.listening(gateway.port);
}
