import { invariant } from "../../../../errors.ts";
import { again } from "../../../../reconcile/reconcile.ts";
import { modelUri } from "../../training-job/output-keys.ts";
import { type AutoMLJob, type ChildJob, withPartialFailure } from "../auto-ml-job.ts";
import { candidatesOf } from "../candidates.ts";
import { childName, dataUri, placeOf, trainingRequest } from "../child-requests.ts";
import { jobOf, launch, standing, write } from "../launch.ts";
import { jobArn } from "./analyze.ts";
import { type PhaseStep, safetyNetMs } from "./phase.ts";

/** Has the best candidate looked at. A report that fails does not fail the job. */
export const reportPhase: PhaseStep = async (place, record) => {
  const { value, name } = record;
  const { best, reportJob } = value;
  invariant(best !== undefined, "reports are about the best candidate");
  if (!reportJob) {
    const model = await jobOf(place, { name: best });
    if (!model) {
      await write(place, record, afterwards(withPartialFailure(value, `The training job ${best} was deleted.`)));
      return again(0);
    }
    const own = childName(name, record.createdAt, "rp");
    const plan = (await candidatesOf(record, place)).find((each) => each.name === best)?.plan;
    const features = value.features.find((each) => each.plan === plan);
    const request = trainingRequest(name, {
      ...{ name: own, job: value, scope: place.scope, output: "documentation/jobs", files: "documentation/" },
      hyperParameters: { stage: "report", candidate: best },
      channels: [
        ["data", dataUri(name, value)],
        ["model", modelUri(model.value.spec)],
        ...(features
          ? ([
              ["features", `${placeOf(name, value)}/data-processor-models/${features.name}/output/model.tar.gz`],
            ] as const)
          : []),
      ],
    });
    const child: ChildJob = { name: own, arn: jobArn(record, own), plan: best };
    await launch(place, record, request, { ...value, reportJob: child, secondary: "GeneratingModelInsightsReport" });
    return again(safetyNetMs);
  }
  const found = await standing(place, reportJob);
  if (found.state === "running") return again(safetyNetMs);
  const next: AutoMLJob =
    found.state === "done"
      ? { ...value, hasReports: true }
      : { ...withPartialFailure(value, `There are no reports: ${found.reason}`), secondary: "ModelInsightsError" };
  await write(place, record, afterwards(next));
  return again(0);
};

/** What comes after the reports, whether there are any. */
function afterwards(job: AutoMLJob): AutoMLJob {
  const isDeployed = job.order.deploy !== undefined;
  return { ...job, phase: "deploy", ...(isDeployed && { secondary: "DeployingModel" }) };
}
