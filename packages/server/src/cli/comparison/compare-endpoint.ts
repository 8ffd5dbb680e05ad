import type { CloudWatchClient } from "@aws-sdk/client-cloudwatch";
import type { S3Client } from "@aws-sdk/client-s3";
import {
  DescribeEndpointCommand,
  DescribeEndpointConfigCommand,
  type SageMakerClient,
} from "@aws-sdk/client-sagemaker";
import { comparisonText } from "../../comparison/comparison-text.ts";
import { type ProblemType, problemOf, qualityOf } from "../../comparison/quality.ts";
import { type ComparisonReport, compareVariants, type VariantMeasures } from "../../comparison/variant-comparison.ts";
import { ConfigurationError } from "../../configuration.ts";
import { CommandError } from "../command-error.ts";
import { joinAnswers } from "./captured-answers.ts";
import { readGroundTruth } from "./ground-truth.ts";
import { measure, measureAnswers, type Range } from "./measured.ts";
import { placeOf, putText } from "./s3-lines.ts";

/** What a comparison asks with. */
export interface Clients {
  readonly sagemaker: SageMakerClient;
  readonly cloudwatch: CloudWatchClient;
  readonly s3: S3Client;
}

/** What is compared, and how. */
export interface ComparisonOptions extends Range {
  readonly endpoint: string;
  /** The variant that the others are compared with; the first one where absent. */
  readonly baseline?: string;
  /** S3 address of labels in Model Monitor's form. */
  readonly groundTruth?: string;
  readonly problem?: ProblemType;
  /** Scores from here on are class 1. */
  readonly threshold: number;
  /** S3 address to write the report to. */
  readonly output?: string;
}

interface KnownVariant {
  readonly name: string;
  readonly model: string;
  readonly role: "Production" | "Shadow";
}

/**
 * Compares an endpoint's variants by their metrics and, where there is ground truth, by their captured predictions.
 * @returns The report, and the same for people.
 */
export async function compareEndpoint(
  clients: Clients,
  options: ComparisonOptions,
): Promise<{ report: ComparisonReport; text: string }> {
  const { endpoint, from, to, baseline } = options;
  const described = await clients.sagemaker.send(new DescribeEndpointCommand({ EndpointName: endpoint }));
  const config = await clients.sagemaker.send(
    new DescribeEndpointConfigCommand({ EndpointConfigName: described.EndpointConfigName }),
  );
  const known = order(variantsOf(config), baseline);
  const notes: string[] = [];
  const pairs = await readPairs(clients.s3, options, known, config.DataCaptureConfig?.DestinationS3Uri, notes);
  const all = [...pairs.values()].flat();
  const problem = options.problem ?? (all.length === 0 ? undefined : problemOf(all));
  const variants: VariantMeasures[] = [];
  for (const variant of known) {
    const own = pairs.get(variant.name) ?? [];
    variants.push({
      ...variant,
      ...(await measure(clients.cloudwatch, endpoint, variant.name, options)),
      ...(problem !== undefined && own.length > 0 && { quality: qualityOf(own, problem, options.threshold) }),
    });
  }
  const [production, shadow] = ["Production", "Shadow"].map((role) => known.find((each) => each.role === role)?.name);
  const names = { endpoint, config: described.EndpointConfigName ?? "", production: production ?? "" };
  const answers =
    shadow === undefined ? undefined : await measureAnswers(clients.cloudwatch, { ...names, shadow }, options);
  const title = `Variants of endpoint ${endpoint}`;
  const report = compareVariants({ title, from, to, variants, ...(answers && { answers }) });
  const text = [comparisonText(report).trimEnd(), ...notes].join("\n\n");
  if (options.output !== undefined) await write(clients.s3, options.output, report, `${text}\n`);
  return { report, text: `${text}\n` };
}

function variantsOf(config: {
  ProductionVariants?: { VariantName?: string | undefined; ModelName?: string | undefined }[] | undefined;
  ShadowProductionVariants?: { VariantName?: string | undefined; ModelName?: string | undefined }[] | undefined;
}): KnownVariant[] {
  const named = (role: KnownVariant["role"], list: typeof config.ProductionVariants) =>
    (list ?? []).map(({ VariantName = "", ModelName = "" }) => ({ name: VariantName, model: ModelName, role }));
  return [...named("Production", config.ProductionVariants), ...named("Shadow", config.ShadowProductionVariants)];
}

/** The baseline first. */
function order(variants: readonly KnownVariant[], baseline: string | undefined): KnownVariant[] {
  const first = baseline === undefined ? variants[0] : variants.find(({ name }) => name === baseline);
  if (first === undefined) {
    throw new ConfigurationError(
      `the endpoint has no variant ${baseline}; it has ${variants.map(({ name }) => name).join(", ")}.`,
    );
  }
  return [first, ...variants.filter((each) => each !== first)];
}

async function readPairs(
  s3: S3Client,
  { endpoint, from, to, groundTruth }: ComparisonOptions,
  variants: readonly KnownVariant[],
  captured: string | undefined,
  notes: string[],
): Promise<Map<string, Awaited<ReturnType<typeof joinAnswers>>["pairs"]>> {
  if (groundTruth === undefined) return new Map();
  if (captured === undefined) {
    throw new CommandError(
      `${endpoint} has no data capture (DataCaptureConfig): there are no predictions to join ground truth with.`,
    );
  }
  const { truths, unread } = await readGroundTruth(s3, groundTruth);
  if (unread > 0) notes.push(`${unread} lines of ground truth could not be read.`);
  const pairs = new Map<string, Awaited<ReturnType<typeof joinAnswers>>["pairs"]>();
  for (const { name } of variants) {
    const joined = await joinAnswers(s3, captured, { endpoint, variant: name, from, to }, truths);
    pairs.set(name, joined.pairs);
    if (joined.unread > 0) {
      notes.push(
        `${joined.unread} answers of ${name} could not be read as predictions of as many records as their ground truth has.`,
      );
    }
  }
  return pairs;
}

async function write(s3: S3Client, output: string, report: ComparisonReport, text: string): Promise<void> {
  const { bucket, prefix } = placeOf(output);
  const folder = prefix === "" ? "" : `${prefix}/`;
  await putText(s3, bucket, `${folder}report.json`, `${JSON.stringify(report, undefined, 2)}\n`, "application/json");
  await putText(s3, bucket, `${folder}report.md`, text, "text/markdown");
}
