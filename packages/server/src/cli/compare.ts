import { CloudWatchClient } from "@aws-sdk/client-cloudwatch";
import { S3Client } from "@aws-sdk/client-s3";
import { SageMakerClient } from "@aws-sdk/client-sagemaker";
import type { ProblemType } from "../comparison/quality.ts";
import { ConfigurationError, parseCommandLine, readConfiguration } from "../configuration.ts";
import { clientConfiguration } from "./clients.ts";
import { CommandError } from "./command-error.ts";
import { compareEndpoint } from "./comparison/compare-endpoint.ts";

const problems: readonly string[] = ["BinaryClassification", "MulticlassClassification", "Regression"];
const unitMs: Readonly<Record<string, number>> = { m: 60_000, h: 3600_000, d: 24 * 3600_000 };

/** `sagebrush compare ENDPOINT`: which of its variants is better, with intervals and a verdict. */
export async function run(args: readonly string[]): Promise<number> {
  const text = { type: "string" } as const;
  const { values, positionals } = parseCommandLine(args, {
    ...{ "ground-truth": text, since: text, baseline: text, "problem-type": text, threshold: text, output: text },
    json: { type: "boolean" },
  });
  const [endpoint] = positionals;
  if (endpoint === undefined || positionals.length > 1) throw new ConfigurationError("name one endpoint.");
  const given = (name: string): string | undefined => (typeof values[name] === "string" ? values[name] : undefined);
  const to = Date.now();
  const [groundTruth, baseline, output] = [given("ground-truth"), given("baseline"), given("output")];
  const problem = problemType(given("problem-type"));
  const options = {
    ...{ endpoint, to, from: startOf(given("since") ?? "1d", to), threshold: thresholdOf(given("threshold") ?? "0.5") },
    ...(groundTruth !== undefined && { groundTruth }),
    ...(baseline !== undefined && { baseline }),
    ...(output !== undefined && { output }),
    ...(problem !== undefined && { problem }),
  };
  const client = clientConfiguration(readConfiguration(values).dataDirectory);
  const clients = {
    sagemaker: new SageMakerClient(client),
    cloudwatch: new CloudWatchClient(client),
    s3: new S3Client({ ...client, forcePathStyle: true }),
  };
  try {
    const { report, text: shown } = await compareEndpoint(clients, options);
    process.stdout.write(given("json") === "true" ? `${JSON.stringify(report, undefined, 2)}\n` : shown);
    return 0;
  } catch (error) {
    if (["ValidationException", "NoSuchBucket"].includes((error as Error).name))
      throw new CommandError((error as Error).message);
    throw error;
  } finally {
    for (const each of Object.values(clients)) each.destroy();
  }
}

/** `90m`, `24h`, `7d`, or a point in time. */
function startOf(since: string, now: number): number {
  const [, count, unit = ""] = /^(\d+)([mhd])$/u.exec(since) ?? [];
  const at = count === undefined ? Date.parse(since) : now - Number(count) * (unitMs[unit] ?? 0);
  if (Number.isFinite(at) && at < now) return at;
  throw new ConfigurationError(`--since: ${since} is neither a duration (90m, 24h, 7d) nor a time in the past.`);
}

function thresholdOf(text: string): number {
  const threshold = Number(text);
  if (text.trim() !== "" && threshold >= 0 && threshold <= 1) return threshold;
  throw new ConfigurationError(`--threshold: ${text} is not a number from 0 to 1.`);
}

function problemType(text: string | undefined): ProblemType | undefined {
  if (text === undefined || problems.includes(text)) return text as ProblemType | undefined;
  throw new ConfigurationError(`--problem-type: ${text} is not one of ${problems.join(", ")}.`);
}
