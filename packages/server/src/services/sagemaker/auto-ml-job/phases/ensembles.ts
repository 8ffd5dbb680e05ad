import { again } from "../../../../reconcile/reconcile.ts";
import type { ChildJob } from "../auto-ml-job.ts";
import { childName, dataUri, trainingRequest } from "../child-requests.ts";
import { analysisOf, launch, standing } from "../launch.ts";
import { jobArn } from "./analyze.ts";
import { chooseBest } from "./choose-best.ts";
import { type PhaseStep, safetyNetMs } from "./phase.ts";

/** Ensembles that are trained side by side. */
const maxParallel = 2;

/** Trains the ensembles of the analysis, the most promising first. */
export const ensemblesPhase: PhaseStep = async (place, record) => {
  const { value, name } = record;
  const plans = analysisOf(record).candidates;
  const standings = await Promise.all(value.ensembles.map((child) => standing(place, child)));
  const running = standings.filter(({ state }) => state === "running").length;
  const next = plans[value.ensembles.length];
  if (!next || value.isOverTime) {
    return running > 0 ? again(safetyNetMs) : await chooseBest(place, record);
  }
  if (running >= maxParallel) return again(safetyNetMs);
  const own = childName(name, record.createdAt, `t${value.ensembles.length + 1}`);
  const request = trainingRequest(name, {
    ...{ name: own, job: value, scope: place.scope, output: "sagemaker-automl-candidates/model" },
    hyperParameters: { stage: "ensemble", members: JSON.stringify(next.members) },
    channels: [["data", dataUri(name, value)]],
  });
  const child: ChildJob = { name: own, arn: jobArn(record, own), plan: next.name };
  await launch(place, record, request, { ...value, ensembles: [...value.ensembles, child] });
  return again(0);
};
