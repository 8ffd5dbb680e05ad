import { Readable } from "node:stream";
import { comparisonText } from "../../../comparison/comparison-text.ts";
import {
  type AnswerComparison,
  compareVariants,
  latencyOf,
  type VariantMeasures,
} from "../../../comparison/variant-comparison.ts";
import { type Distribution, merge } from "../../../metrics/distribution.ts";
import { parseS3Uri } from "../../../objects/object-catalogue.ts";
import { shadowDimensions, shadowMetrics, shadowNamespace } from "../../../serving/shadow/shadow-metrics.ts";
import type { OperationPlace } from "../../service.ts";
import { type ExperimentRecord, variantNames } from "./experiment.ts";

/** Where an experiment's report lies. `undefined` where it has no storage. */
export function reportPlace({
  name,
  value,
}: ExperimentRecord): { readonly bucket: string; readonly prefix: string } | undefined {
  const to = parseS3Uri(value.spec.DataStorageConfig?.Destination ?? "");
  if (to === undefined) return undefined;
  return {
    bucket: to.bucket,
    prefix: `${[to.key.replace(/\/+$/u, ""), name].filter((part) => part !== "").join("/")}/`,
  };
}

/** Writes what the experiment has shown so far as `report.json`, for programs, and `report.md`, for people. */
export async function writeReport(record: ExperimentRecord, status: string, place: OperationPlace): Promise<void> {
  const to = reportPlace(record);
  if (to === undefined || record.value.startedAt === undefined) return;
  const report = await experimentReport(record, status, place);
  const key = record.value.spec.DataStorageConfig?.KmsKey;
  const encryption = key ? { encryption: { algorithm: "aws:kms" as const, keyId: key } } : {};
  const files = [
    ["report.json", `${JSON.stringify(report, undefined, 2)}\n`, "application/json"],
    ["report.md", comparisonText(report), "text/markdown"],
  ] as const;
  for (const [name, text, contentType] of files) {
    await place.platform.objects.put(to.bucket, to.prefix + name, Readable.from([Buffer.from(text)]), {
      contentType,
      ...encryption,
    });
  }
}

/** What the variants' metrics say of the time and the configurations that the experiment ran under. */
async function experimentReport(record: ExperimentRecord, status: string, place: OperationPlace) {
  const { value } = record;
  const { source, shadow } = variantNames(value.spec);
  const from = value.startedAt ?? value.startAt;
  const to = value.completedAt ?? place.platform.clock.now();
  const read = reader(value.endpoint, value.configs, from, to, place);
  const modelOf = (name: string) =>
    value.spec.ModelVariants?.find(({ VariantName }) => VariantName === name)?.ModelName;
  const measures = async (name: string): Promise<VariantMeasures> => {
    const requests = await read("AWS/SageMaker", "Invocations", name);
    const latency = await read("AWS/SageMaker", "ModelLatency", name);
    return {
      ...{ name, model: modelOf(name) ?? "", role: name === shadow ? "Shadow" : "Production" },
      requests: requests?.sum ?? 0,
      clientErrors: (await read("AWS/SageMaker", "Invocation4XXErrors", name))?.sum ?? 0,
      serverErrors: (await read("AWS/SageMaker", "Invocation5XXErrors", name))?.sum ?? 0,
      ...(latency && { latency: latencyOf(latency) }),
    };
  };
  const ours = (name: string) => read(shadowNamespace, name, shadow);
  const answers: AnswerComparison = {
    ...{ first: source, second: shadow },
    identical: shareOf(await ours(shadowMetrics.identical)),
    agreeing: shareOf(await ours(shadowMetrics.agreeing)),
    sameLabels: shareOf(await ours(shadowMetrics.sameLabels)),
    difference: meanOf(await ours(shadowMetrics.difference)),
    notCopied: (await ours(shadowMetrics.dropped))?.sum ?? 0,
  };
  return compareVariants({
    title: `Inference experiment ${record.name} on endpoint ${value.endpoint}`,
    ...{ status, from, to, variants: [await measures(source), await measures(shadow)], answers },
  });
}

function shareOf(flags: Distribution | undefined) {
  return { count: flags?.sum ?? 0, of: flags?.count ?? 0 };
}

function meanOf(values: Distribution | undefined): number | undefined {
  return values === undefined || values.count === 0 ? undefined : values.sum / values.count;
}

/** Reads a metric of a variant over all configurations of the experiment together. */
function reader(
  endpoint: string,
  configs: readonly string[],
  fromMs: number,
  toMs: number,
  { platform, scope }: OperationPlace,
) {
  // Points lie at the beginning of their minutes.
  const from = Math.floor(fromMs / 60_000) * 60;
  const to = Math.ceil(toMs / 60_000) * 60 + 60;
  return async (namespace: string, name: string, variant: string): Promise<Distribution | undefined> => {
    let sum: Distribution | undefined;
    for (const config of configs) {
      const dimensions = shadowDimensions({ config, endpoint, variant });
      const query = { scope, namespace, name, dimensions, from, to, period: to - from };
      for (const { values } of await platform.metrics.statistics(query))
        sum = sum === undefined ? values : merge(sum, values);
    }
    return sum;
  };
}
