import {
  AddTagsCommand,
  DeleteTagsCommand,
  DescribeEndpointCommand,
  type DescribeEndpointCommandOutput,
  ListTagsCommand,
  SageMakerClient,
  UpdateEndpointWeightsAndCapacitiesCommand,
} from "@aws-sdk/client-sagemaker";
import { ConfigurationError, parseCommandLine, readConfiguration } from "../configuration.ts";
import { stoppedTagPrefix } from "../serving/scaling/stopped-by-hand.ts";
import { clientConfiguration } from "./clients.ts";
import { CommandError } from "./command-error.ts";

/** How many instances a variant had is kept in a tag of the endpoint: over restarts, and for everybody to see. */
const tagPrefix = stoppedTagPrefix;
const pollMs = 200;

/** `sagebrush stop ENDPOINT`: every variant goes to 0 instances; the endpoint stays. */
export function stop(args: readonly string[]): Promise<number> {
  return withEndpoint(args, async (client, endpoint) => {
    const running = variantsOf(endpoint).filter(({ DesiredInstanceCount = 0 }) => DesiredInstanceCount > 0);
    const name = endpoint.EndpointName;
    if (running.length === 0) return `${name} is stopped already.`;
    const Tags = running.map((variant) => ({
      Key: tagPrefix + variant.VariantName,
      Value: String(variant.DesiredInstanceCount),
    }));
    // First what `start` needs: killed in between, the endpoint runs on and the tags do no harm.
    await client.send(new AddTagsCommand({ ResourceArn: endpoint.EndpointArn, Tags }));
    await resize(client, endpoint, new Map(running.map(({ VariantName }) => [VariantName as string, 0])));
    return `${name} is stopped. Start it again with: sagebrush start ${name}`;
  });
}

/** `sagebrush start ENDPOINT`: every variant that `stop` stopped gets its instances back; one each where nothing is noted. */
export function start(args: readonly string[]): Promise<number> {
  return withEndpoint(args, async (client, endpoint) => {
    const name = endpoint.EndpointName;
    const stopped = variantsOf(endpoint).filter(({ DesiredInstanceCount }) => DesiredInstanceCount === 0);
    if (stopped.length === 0) return `${name} is running already.`;
    const counts = await notedCounts(client, endpoint);
    // Variants that were at 0 before `stop` are meant to be.
    const wanted = stopped.flatMap(({ VariantName = "" }): [string, number][] =>
      counts.size === 0
        ? [[VariantName, 1]]
        : counts.has(VariantName)
          ? [[VariantName, counts.get(VariantName) ?? 1]]
          : [],
    );
    if (wanted.length > 0) await resize(client, endpoint, new Map(wanted));
    const TagKeys = [...counts.keys()].map((variant) => tagPrefix + variant);
    if (TagKeys.length > 0) await client.send(new DeleteTagsCommand({ ResourceArn: endpoint.EndpointArn, TagKeys }));
    return `${name} is InService.`;
  });
}

async function withEndpoint(
  args: readonly string[],
  act: (client: SageMakerClient, endpoint: DescribeEndpointCommandOutput) => Promise<string>,
): Promise<number> {
  const { values, positionals } = parseCommandLine(args);
  const [EndpointName] = positionals;
  if (EndpointName === undefined || positionals.length > 1) throw new ConfigurationError("name one endpoint.");
  const client = new SageMakerClient(clientConfiguration(readConfiguration(values).dataDirectory));
  try {
    const endpoint = await client.send(new DescribeEndpointCommand({ EndpointName }));
    process.stdout.write(`${await act(client, endpoint)}\n`);
    return 0;
  } catch (error) {
    if ((error as Error).name !== "ValidationException") throw error;
    throw new CommandError((error as Error).message);
  } finally {
    client.destroy();
  }
}

function variantsOf(endpoint: DescribeEndpointCommandOutput) {
  // Shadow variants take memory as well.
  const { ProductionVariants = [], ShadowProductionVariants = [] } = endpoint;
  if (endpoint.EndpointStatus === "InService") return [...ProductionVariants, ...ShadowProductionVariants];
  throw new CommandError(`${endpoint.EndpointName} is ${endpoint.EndpointStatus}, not InService.`);
}

async function notedCounts(
  client: SageMakerClient,
  { EndpointArn }: DescribeEndpointCommandOutput,
): Promise<Map<string, number>> {
  const { Tags = [] } = await client.send(new ListTagsCommand({ ResourceArn: EndpointArn, MaxResults: 50 }));
  return new Map(
    Tags.flatMap(({ Key = "", Value = "" }): [string, number][] => {
      const count = Number(Value);
      const isNote = Key.startsWith(tagPrefix) && Number.isInteger(count) && count > 0;
      return isNote ? [[Key.slice(tagPrefix.length), count]] : [];
    }),
  );
}

/** Asks for the counts and waits until they are there. @throws CommandError when instances do not come up. */
async function resize(
  client: SageMakerClient,
  { EndpointName }: DescribeEndpointCommandOutput,
  counts: ReadonlyMap<string, number>,
): Promise<void> {
  const DesiredWeightsAndCapacities = [...counts].map(([VariantName, DesiredInstanceCount]) => ({
    VariantName,
    DesiredInstanceCount,
  }));
  await client.send(new UpdateEndpointWeightsAndCapacitiesCommand({ EndpointName, DesiredWeightsAndCapacities }));
  for (;;) {
    const now = await client.send(new DescribeEndpointCommand({ EndpointName }));
    if (now.EndpointStatus === "InService") {
      if (now.FailureReason !== undefined) throw new CommandError(now.FailureReason);
      return;
    }
    if (now.EndpointStatus !== "Updating") throw new CommandError(`${EndpointName} is ${now.EndpointStatus} now.`);
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}
