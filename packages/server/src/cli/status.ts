import { ListEndpointsCommand, ListTrainingJobsCommand, SageMakerClient } from "@aws-sdk/client-sagemaker";
import { parseCommandLine, readConfiguration } from "../configuration.ts";
import { clientConfiguration } from "./clients.ts";
import { findServer } from "./running-server.ts";

/** `sagebrush status`: exit code 0 when a server runs, 3 when none does. */
export async function run(args: readonly string[]): Promise<number> {
  const configuration = readConfiguration(parseCommandLine(args).values);
  const server = findServer(configuration.dataDirectory);
  if (!server) {
    process.stdout.write(`No server is running on ${configuration.dataDirectory}.\n`);
    return 3;
  }
  process.stdout.write(
    `Running on ${server.url} since ${server.startedAt} (process ${server.pid}, engine ${server.engine}).\n`,
  );
  const client = new SageMakerClient(clientConfiguration(configuration.dataDirectory));
  const jobs = await client.send(new ListTrainingJobsCommand({ StatusEquals: "InProgress", MaxResults: 100 }));
  const endpoints = await client.send(new ListEndpointsCommand({ MaxResults: 100 }));
  section("Training jobs in progress", jobs.TrainingJobSummaries ?? [], (job) => `${job.TrainingJobName}`);
  section("Endpoints", endpoints.Endpoints ?? [], (each) => `${each.EndpointName}  ${each.EndpointStatus}`);
  client.destroy();
  return 0;
}

function section<Item>(title: string, items: readonly Item[], line: (item: Item) => string): void {
  process.stdout.write(`${title}: ${items.length}\n${items.map((item) => `  ${line(item)}\n`).join("")}`);
}
