import type { AutoMLContainerDefinition } from "@aws-sdk/client-sagemaker";
import { invariant } from "../../../errors.ts";
import type { OperationPlace } from "../../service.ts";
import type { AutoMLJobRecord } from "./auto-ml-job.ts";
import type { Candidate } from "./candidates.ts";
import { placeOf, programImage } from "./child-requests.ts";

/** What an endpoint may be asked for of a classifier. */
const allKeys = "predicted_label,probability,probabilities,labels";
const numberKeys = "predicted_label,probability,probabilities";

/**
 * The containers of a candidate, as CreateModel takes them. An ensemble is one. What a search has found are two or, for
 * classes, three: the features, the model, and the names of the classes.
 * @param model - S3 URI of its model.tar.gz.
 */
export function inferenceContainers(
  { plan }: Candidate,
  record: AutoMLJobRecord,
  model: string,
  { scope }: OperationPlace,
): AutoMLContainerDefinition[] {
  const { analysis, features } = record.value;
  const Image = programImage(scope);
  const isClassifier = analysis?.problem.type !== "Regression";
  if (analysis?.mode === "ENSEMBLING") {
    return [{ Image, ModelDataUrl: model, Environment: isClassifier ? outputs(allKeys) : {} }];
  }
  const processor = features.find((each) => each.plan === plan);
  invariant(processor !== undefined, "every trial is of a pipeline that was fitted");
  const ModelDataUrl = `${placeOf(record.name, record.value)}/data-processor-models/${processor.name}/output/model.tar.gz`;
  const answers: Record<string, string> = { SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT: "text/csv" };
  const first = { Image, ModelDataUrl, Environment: { ...answers, AUTOML_TRANSFORM_MODE: "feature-transform" } };
  if (!isClassifier) return [first, { Image, ModelDataUrl: model, Environment: answers }];
  const Environment = {
    ...answers,
    ...outputs(allKeys),
    AUTOML_TRANSFORM_MODE: "inverse-label-transform",
    SAGEMAKER_INFERENCE_INPUT: "predicted_label",
  };
  return [
    first,
    { Image, ModelDataUrl: model, Environment: { ...answers, ...outputs(numberKeys) } },
    { Image, ModelDataUrl, Environment },
  ];
}

function outputs(supported: string): Record<string, string> {
  return { SAGEMAKER_INFERENCE_OUTPUT: "predicted_label", SAGEMAKER_INFERENCE_SUPPORTED: supported };
}
