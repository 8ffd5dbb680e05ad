import { type AutopilotAnalysis, autopilotContract } from "@sagebrush/algorithms/definitions";
import { ServiceError } from "../../../../errors.ts";
import { type ObjectCatalogue, parseS3Uri } from "../../../../objects/object-catalogue.ts";
import { again } from "../../../../reconcile/reconcile.ts";
import type { AutoMLJobRecord } from "../auto-ml-job.ts";
import { analysisRequest, dataUri } from "../child-requests.ts";
import { launch, standing, write } from "../launch.ts";
import { end } from "./end.ts";
import { type PhaseStep, safetyNetMs } from "./phase.ts";

/** An analysis of some thousand columns has a few megabytes. */
const mostBytes = 64 * 2 ** 20;

/** Has the data looked at, and takes over what was found out. */
export const analyzePhase: PhaseStep = async (place, record) => {
  const { analysisJob } = record.value;
  if (!analysisJob) {
    const request = analysisRequest(record.name, record.createdAt, record.value, place.scope);
    const child = { name: request.TrainingJobName, arn: jobArn(record, request.TrainingJobName), plan: "" };
    await launch(place, record, request, { ...record.value, analysisJob: child, secondary: "AnalyzingData" });
    return again(safetyNetMs);
  }
  const found = await standing(place, analysisJob);
  if (found.state === "running") return again(safetyNetMs);
  if (found.state === "failed") return await end(place, record, "Failed", { reason: dataFault(found.reason) });
  const analysis = await readAnalysis(record, place.platform.objects);
  if (typeof analysis === "string") return await end(place, record, "Failed", { reason: analysis });
  if (record.value.order.definitionsOnly) {
    const secondary = "CandidateDefinitionsGenerated";
    return await end(place, { ...record, value: { ...record.value, analysis } }, "Completed", { secondary });
  }
  const isSearch = analysis.mode === "HYPERPARAMETER_TUNING";
  await write(place, record, {
    ...record.value,
    analysis,
    ...(isSearch
      ? { phase: "features", secondary: "FeatureEngineering" }
      : { phase: "candidates", secondary: "TrainingModels" }),
  });
  return again(0);
};

/** What the analysis says of the data, without the words that training jobs put around it. */
function dataFault(reason: string): string {
  return /^AlgorithmError: (.*), exit code: 2$/s.exec(reason)?.[1] ?? reason;
}

/** The ARN of a training job of the same account and region. */
export function jobArn({ value }: AutoMLJobRecord, name: string): string {
  return value.arn.replace(/automl-job\/.*$/, `training-job/${name.toLowerCase()}`);
}

/** @returns Why there is none, as a sentence: the bucket is its owner's, who may have deleted or changed it. */
async function readAnalysis(record: AutoMLJobRecord, objects: ObjectCatalogue): Promise<AutopilotAnalysis | string> {
  const uri = `${dataUri(record.name, record.value)}${autopilotContract.analysisFile}`;
  const { bucket, key } = parseS3Uri(uri) as { bucket: string; key: string };
  try {
    const entry = await objects.head(bucket, key);
    if (!entry) return `The analysis of the data is not at ${uri}.`;
    if (entry.sizeBytes > mostBytes) return `The analysis of the data at ${uri} has ${entry.sizeBytes} bytes.`;
    const parts: Uint8Array[] = [];
    for await (const part of await objects.read(bucket, key)) parts.push(part as Uint8Array);
    const read = JSON.parse(Buffer.concat(parts).toString("utf8")) as AutopilotAnalysis;
    return isAnalysis(read) ? read : `The object ${uri} is no analysis of data.`;
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof ServiceError) {
      return `The analysis of the data at ${uri} cannot be read: ${error.message}`;
    }
    throw error;
  }
}

/** What is relied on here; the rest is for the program that has written it. */
function isAnalysis(read: AutopilotAnalysis): boolean {
  const { problemTypes, metricsOf } = autopilotContract;
  const isKnown = problemTypes.includes(read?.problem?.type) && Array.isArray(read.problem.classes);
  if (!isKnown || !(metricsOf[read.problem.type] as readonly string[]).includes(read.objective)) return false;
  const isPlan = (each: { readonly name: unknown } | null) => typeof each?.name === "string";
  if (read.mode === "ENSEMBLING") return Array.isArray(read.candidates) && read.candidates.every(isPlan);
  if (read.mode !== "HYPERPARAMETER_TUNING" || !Array.isArray(read.pipelines)) return false;
  return read.pipelines.every((each) => isPlan(each) && /^dpp\d{1,2}$/.test(each.name) && Array.isArray(each.ranges));
}
