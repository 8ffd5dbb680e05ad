import {
  DescribeEndpointCommand,
  DescribeEndpointConfigCommand,
  DescribeTrainingJobCommand,
  ListEndpointsCommand,
  ListTrainingJobsCommand,
  SageMakerClient,
  type TrainingJobSummary,
} from "@aws-sdk/client-sagemaker";
import { parseCommandLine, readConfiguration } from "../configuration.ts";
import { fitToHost, thisHost } from "../instance-types/fit-to-host.ts";
import { clientConfiguration } from "./clients.ts";
import { instances, instanceTypes } from "./instances.ts";
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
    `Running on ${server.url} since ${server.startedAt} (process ${server.process.pid}, engine ${server.engine}).\n`,
  );
  const client = new SageMakerClient(clientConfiguration(configuration.dataDirectory));
  const jobs = await client.send(new ListTrainingJobsCommand({ StatusEquals: "InProgress", MaxResults: 100 }));
  const endpoints = await client.send(new ListEndpointsCommand({ MaxResults: 100 }));
  section(
    "Training jobs in progress",
    await Promise.all((jobs.TrainingJobSummaries ?? []).map((job) => ofJob(client, job.TrainingJobName))),
  );
  section("Training jobs ended last", await lastEnded(client));
  section(
    "Endpoints",
    await Promise.all((endpoints.Endpoints ?? []).map((each) => ofEndpoint(client, each.EndpointName))),
  );
  client.destroy();
  return 0;
}

/** A line of its own, and a line below it for everything that its owner should know. */
type Entry = readonly [line: string, ...notices: string[]];

function section(title: string, entries: readonly Entry[]): void {
  process.stdout.write(`${title}: ${entries.length}\n`);
  for (const [line, ...notices] of entries) {
    process.stdout.write(`  ${line}\n${notices.map((notice) => `    ${notice}\n`).join("")}`);
  }
}

async function ofJob(client: SageMakerClient, name: string | undefined): Promise<Entry> {
  const job = await client.send(new DescribeTrainingJobCommand({ TrainingJobName: name }));
  const resources = job.ResourceConfig ?? {};
  // While it waits, its last message says for what.
  const waits = job.SecondaryStatus === "Starting" ? `: ${job.SecondaryStatusTransitions?.at(-1)?.StatusMessage}` : "";
  // Of one instance: hosts share this machine, and each is cut to what it has.
  const notices = instanceTypes(resources).flatMap((type) => fitToHost(type, 1, thisHost()).notices);
  return [`${name}  ${instances(resources)}  ${job.SecondaryStatus}${waits}`, ...notices];
}

/** How many jobs that ended are shown. */
const endedJobs = 5;

/** The jobs that ended last, newest first, with the time that they trained and what of it is billed. */
async function lastEnded(client: SageMakerClient): Promise<Entry[]> {
  const pages = await Promise.all(
    (["Completed", "Failed", "Stopped"] as const).map((StatusEquals) =>
      client.send(new ListTrainingJobsCommand({ StatusEquals, SortOrder: "Descending", MaxResults: endedJobs })),
    ),
  );
  const endOf = (job: TrainingJobSummary) => (job.TrainingEndTime ?? job.LastModifiedTime)?.getTime() ?? 0;
  const newest = pages
    .flatMap(({ TrainingJobSummaries }) => TrainingJobSummaries ?? [])
    .sort((one, other) => endOf(other) - endOf(one))
    .slice(0, endedJobs);
  return Promise.all(newest.map(({ TrainingJobName }) => ofEndedJob(client, TrainingJobName)));
}

async function ofEndedJob(client: SageMakerClient, name: string | undefined): Promise<Entry> {
  const job = await client.send(new DescribeTrainingJobCommand({ TrainingJobName: name }));
  const { TrainingTimeInSeconds: trained, BillableTimeInSeconds: billed } = job;
  const times = trained === undefined ? "" : `  trained ${trained} s, billed ${billed} s`;
  return [`${name}  ${job.SecondaryStatus}${times}`];
}

async function ofEndpoint(client: SageMakerClient, name: string | undefined): Promise<Entry> {
  const endpoint = await client.send(new DescribeEndpointCommand({ EndpointName: name }));
  const { ProductionVariants: variants = [], ShadowProductionVariants: shadows = [] } = endpoint;
  const isStopped = variants.length > 0 && [...variants, ...shadows].every((each) => each.DesiredInstanceCount === 0);
  const line = `${name}  ${endpoint.EndpointStatus}${isStopped ? ", without instances" : ""}`;
  try {
    const config = await client.send(
      new DescribeEndpointConfigCommand({ EndpointConfigName: endpoint.EndpointConfigName }),
    );
    const notices = (config.ProductionVariants ?? []).flatMap(
      ({ InstanceType = "" }) => fitToHost(InstanceType, 1, { ...thisHost(), gpus: 0 }).notices,
    );
    return [line, ...notices];
  } catch (error) {
    // An endpoint outlives its configuration.
    if ((error as Error).name !== "ValidationException") throw error;
    return [line];
  }
}
