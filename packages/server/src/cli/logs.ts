import { CloudWatchLogsClient, type FilteredLogEvent, FilterLogEventsCommand } from "@aws-sdk/client-cloudwatch-logs";
import { DescribeEndpointCommand, DescribeTrainingJobCommand, SageMakerClient } from "@aws-sdk/client-sagemaker";
import { ConfigurationError, parseCommandLine, readConfiguration } from "../configuration.ts";
import { clientConfiguration } from "./clients.ts";
import { CommandError } from "./command-error.ts";
import { ProgressBar } from "./progress-bar.ts";

const pollMs = 500;

/** `sagebrush logs NAME [-f]`: a job's or an endpoint's log, oldest line first. */
export async function run(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseCommandLine(args, {
    follow: { type: "boolean", short: "f" },
    endpoint: { type: "boolean" },
  });
  const [name] = positionals;
  if (name === undefined || positionals.length > 1) throw new ConfigurationError("name one training job or endpoint.");
  const client = clientConfiguration(readConfiguration(values).dataDirectory);
  const source = await findSource(new SageMakerClient(client), name, values["endpoint"] === "true");
  const logs = new CloudWatchLogsClient(client);
  // Events of the last millisecond may still be joined by others, so the next look begins there and skips what it knows.
  let seen = new Set<string>();
  let latest = 0;
  const bar = new ProgressBar(process.stderr);
  for (;;) {
    // Asked before reading: what a job wrote before it ended is then surely among the lines.
    const { ended, waitsFor } = await source.look();
    if (waitsFor === undefined || values["follow"] !== "true") bar.end();
    else bar.show(waitsFor, shareIn(waitsFor));
    for await (const event of events(logs, source, latest)) {
      const id = event.eventId ?? "";
      if (seen.has(id)) continue;
      const at = event.timestamp ?? 0;
      if (at > latest) [latest, seen] = [at, new Set()];
      if (at === latest) seen.add(id);
      process.stdout.write(`${event.message ?? ""}\n`);
    }
    if (values["follow"] !== "true" || ended) return 0;
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}

interface Source {
  readonly group: string;
  readonly prefix: string;
  look(): Promise<{ readonly ended: boolean; readonly waitsFor?: string }>;
}

/** The share that a message about progress tells: `62 %, fetched torch`. */
function shareIn(message: string): number | undefined {
  const percent = /\b(\d{1,3}) %/.exec(message)?.[1];
  return percent === undefined ? undefined : Number(percent) / 100;
}

async function findSource(client: SageMakerClient, name: string, isEndpoint: boolean): Promise<Source> {
  if (isEndpoint) return await endpointLog(client, name);
  try {
    await client.send(new DescribeTrainingJobCommand({ TrainingJobName: name }));
    return {
      group: "/aws/sagemaker/TrainingJobs",
      prefix: `${name}/`,
      look: async () => {
        const job = await client.send(new DescribeTrainingJobCommand({ TrainingJobName: name }));
        const ended = !["InProgress", "Stopping"].includes(job.TrainingJobStatus ?? "");
        const message = job.SecondaryStatus === "Starting" && job.SecondaryStatusTransitions?.at(-1)?.StatusMessage;
        return { ended, ...(message && { waitsFor: message }) };
      },
    };
  } catch (error) {
    if ((error as Error).name !== "ValidationException" && (error as Error).name !== "ResourceNotFound") throw error;
  }
  return await endpointLog(client, name);
}

async function endpointLog(client: SageMakerClient, name: string): Promise<Source> {
  try {
    await client.send(new DescribeEndpointCommand({ EndpointName: name }));
  } catch (error) {
    if ((error as Error).name !== "ValidationException") throw error;
    throw new CommandError(`there is no training job and no endpoint called "${name}".`);
  }
  return { group: `/aws/sagemaker/Endpoints/${name}`, prefix: "", look: () => Promise.resolve({ ended: false }) };
}

async function* events(
  client: CloudWatchLogsClient,
  { group, prefix }: Source,
  startTime: number,
): AsyncGenerator<FilteredLogEvent> {
  let nextToken: string | undefined;
  do {
    const page = await client
      .send(
        new FilterLogEventsCommand({
          logGroupName: group,
          startTime,
          ...(prefix === "" ? {} : { logStreamNamePrefix: prefix }),
          ...(nextToken === undefined ? {} : { nextToken }),
        }),
      )
      .catch((error: Error) => {
        // The group appears with the first line.
        if (error.name === "ResourceNotFoundException") return { events: [], nextToken: undefined };
        throw error;
      });
    yield* page.events ?? [];
    nextToken = page.nextToken;
  } while (nextToken !== undefined);
}
