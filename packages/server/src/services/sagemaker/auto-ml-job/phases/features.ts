import { again } from "../../../../reconcile/reconcile.ts";
import { type ChildJob, withPartialFailure } from "../auto-ml-job.ts";
import { childName, dataUri, type Part, trainingRequest } from "../child-requests.ts";
import { analysisOf, launch, standing, write } from "../launch.ts";
import { jobArn } from "./analyze.ts";
import { end } from "./end.ts";
import { type PhaseStep, safetyNetMs } from "./phase.ts";

/** Fits the pipelines of a search side by side. One that fails is left out, with what is to be searched over it. */
export const featuresPhase: PhaseStep = async (place, record) => {
  const { value, name } = record;
  const missing = analysisOf(record).pipelines.find((plan) => !value.features.some((each) => each.plan === plan.name));
  if (missing) {
    const own = childName(name, record.createdAt, missing.name as Part);
    const request = trainingRequest(name, {
      ...{ name: own, job: value, scope: place.scope, output: "data-processor-models" },
      ...{ hyperParameters: { stage: "features", pipeline: missing.name }, files: `transformed-data/${missing.name}/` },
      channels: [["data", dataUri(name, value)]],
    });
    const child: ChildJob = { name: own, arn: jobArn(record, own), plan: missing.name };
    await launch(place, record, request, { ...value, features: [...value.features, child] });
    return again(0);
  }
  const standings = await Promise.all(value.features.map((child) => standing(place, child)));
  if (standings.some(({ state }) => state === "running")) return again(safetyNetMs);
  const failed = standings.flatMap((each) => (each.state === "failed" ? [each.reason] : []));
  const kept = value.features.filter((_, index) => standings[index]?.state === "done");
  if (kept.length === 0) {
    return await end(place, record, "Failed", { reason: `No features could be made: ${failed.join(" ")}` });
  }
  const next = failed.reduce(withPartialFailure, { ...value, features: kept });
  await write(place, record, { ...next, phase: "candidates", secondary: "ModelTuning" });
  return again(0);
};
