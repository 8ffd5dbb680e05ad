import { autopilotContract } from "@sagebrush/algorithms/definitions";
import { validationException } from "../../../errors.ts";
import { parseS3Uri } from "../../../objects/object-catalogue.ts";
import type { OperationPlace } from "../../service.ts";
import { checkTrialRequest } from "../training-job/create.ts";
import type { AutoMLJob } from "./auto-ml-job.ts";
import { analysisRequest } from "./child-requests.ts";
import type { Order } from "./order.ts";

const contentTypes = ["text/csv;header=present", "x-application/vnd.amazon+parquet"];

/** What may be asked for in each mode, as the API has it; `autopilotContract.learners` are those that are here. */
const algorithmsOfMode: Readonly<Record<Order["mode"], readonly string[]>> = {
  AUTO: [],
  ENSEMBLING: [
    ...["catboost", "extra-trees", "fastai", "lightgbm", "linear-learner", "nn-torch", "randomforest", "xgboost"],
  ],
  HYPERPARAMETER_TUNING: ["linear-learner", "mlp", "xgboost"],
};

/**
 * Applies the rules of both requests that the model of the API cannot state, and tries the request of the first training
 * job against those of CreateTrainingJob: role, data and output are checked there.
 * @throws ValidationException naming the member.
 */
export async function checkOrder(name: string, job: AutoMLJob, place: OperationPlace): Promise<void> {
  const { order } = job;
  checkChannels(order);
  checkObjective(order);
  checkAlgorithms(order);
  checkDeployment(order);
  const { validationFraction: fraction } = order;
  if (fraction !== undefined && !(fraction > 0 && fraction < 1)) {
    throw validationException(`DataSplitConfig.ValidationFraction must be above 0 and below 1, got ${fraction}.`);
  }
  if (order.sampleWeight !== undefined) {
    throw validationException("SampleWeightAttributeName is not supported by this version.");
  }
  const { featureSpecification: uri } = order;
  if (uri !== undefined) {
    const at = parseS3Uri(uri);
    const isThere = at && (await place.platform.objects.hasBucket(at.bucket, place.scope.account));
    if (!at || !isThere || !(await place.platform.objects.head(at.bucket, at.key))) {
      throw validationException(`FeatureSpecificationS3Uri ${uri} names no object.`);
    }
  }
  await checkTrialRequest(analysisRequest(name, 0, job, place.scope), place);
}

function checkChannels({ channels, request }: Order): void {
  const counts = Map.groupBy(channels, ({ type }) => type);
  if (counts.get("training")?.length !== 1) {
    throw validationException("Exactly one channel with ChannelType training must be given.");
  }
  if ((counts.get("validation")?.length ?? 0) > 1) {
    throw validationException("At most one channel with ChannelType validation can be given.");
  }
  for (const { type, contentType, uri } of channels) {
    if (uri === "") throw validationException(`The channel ${type} has no DataSource.S3DataSource.S3Uri.`);
    if (contentTypes.includes(contentType.replaceAll(" ", ""))) continue;
    throw validationException(
      `The channel ${type} has the ContentType ${contentType}; one of ${contentTypes.join(", ")} is expected.`,
    );
  }
  if (new Set(channels.map(({ contentType }) => contentType)).size > 1) {
    throw validationException("The channels training and validation must have the same ContentType.");
  }
  if (
    request.version === 1 &&
    new Set(request.input.InputDataConfig.map((each) => each.TargetAttributeName)).size > 1
  ) {
    throw validationException("The channels training and validation must have the same TargetAttributeName.");
  }
}

function checkObjective({ problemType, objective, request }: Order): void {
  // The second version lets each be given alone.
  if (request.version === 1 && (problemType === undefined) !== (objective === undefined)) {
    throw validationException("ProblemType and AutoMLJobObjective must either both be given or both be left out.");
  }
  if (objective === undefined) return;
  const allowed = problemType
    ? autopilotContract.objectivesOf(problemType)
    : autopilotContract.problemTypes.flatMap((type) => autopilotContract.objectivesOf(type));
  if ((allowed as readonly string[]).includes(objective)) return;
  throw validationException(
    `AutoMLJobObjective.MetricName ${objective} cannot be used with ${problemType ?? "tabular problems"}; one of ${[...new Set(allowed)].join(", ")} is expected.`,
  );
}

function checkAlgorithms({ algorithms, mode, definitionsOnly }: Order): void {
  if (definitionsOnly && mode === "ENSEMBLING") {
    throw validationException("GenerateCandidateDefinitionsOnly cannot be given with the mode ENSEMBLING.");
  }
  if (algorithms === undefined) return;
  if (mode === "AUTO") {
    throw validationException("AlgorithmsConfig can only be given with the mode ENSEMBLING or HYPERPARAMETER_TUNING.");
  }
  const odd = algorithms.find((name) => !algorithmsOfMode[mode].includes(name));
  if (odd !== undefined) {
    throw validationException(
      `The algorithm ${odd} cannot be used in the mode ${mode}; ${algorithmsOfMode[mode].join(", ")} can.`,
    );
  }
  if (algorithms.some((name) => isHere(name, mode))) return;
  const here = algorithmsOfMode[mode].filter((name) => isHere(name, mode));
  throw validationException(
    `None of the algorithms ${algorithms.join(", ")} is available here; ${here.join(", ")} are, in the mode ${mode}.`,
  );
}

/** Whether candidates can be made of an algorithm. */
export function isHere(algorithm: string, mode: Order["mode"]): boolean {
  return (
    (autopilotContract.learners as readonly string[]).includes(algorithm) && algorithmsOfMode[mode].includes(algorithm)
  );
}

function checkDeployment({ deploy, definitionsOnly }: Order): void {
  if (deploy?.AutoGenerateEndpointName === true && deploy.EndpointName !== undefined) {
    throw validationException("ModelDeployConfig takes either AutoGenerateEndpointName or EndpointName.");
  }
  if (deploy && definitionsOnly) {
    throw validationException("ModelDeployConfig cannot be given with GenerateCandidateDefinitionsOnly.");
  }
}
