import { hash } from "node:crypto";
import { ServiceError } from "../../../../errors.ts";
import { again, type Outcome } from "../../../../reconcile/reconcile.ts";
import type { OperationContext, OperationPlace } from "../../../service.ts";
import { createEndpoint } from "../../endpoint/create.ts";
import { endpoints } from "../../endpoint/resource.ts";
import { createEndpointConfig } from "../../endpoint-config/create.ts";
import { endpointConfigs } from "../../endpoint-config/resource.ts";
import { createModel } from "../../model/create.ts";
import { models } from "../../model/resource.ts";
import { type AutoMLJobRecord, withPartialFailure } from "../auto-ml-job.ts";
import { candidatesOf, describeCandidate } from "../candidates.ts";
import { write } from "../launch.ts";
import { end } from "./end.ts";
import { type PhaseStep, pollMs } from "./phase.ts";

const instanceType = "ml.m5.large";

/** Puts the best candidate behind an endpoint where that was wanted, and ends the job. */
export const deployPhase: PhaseStep = async (place, record) => {
  const { order, endpoint, isOverTime } = record.value;
  const secondary = isOverTime ? "MaxAutoMLJobRuntimeReached" : undefined;
  const complete = (of: AutoMLJobRecord) => end(place, of, "Completed", secondary ? { secondary } : {});
  if (!order.deploy) return await complete(record);
  try {
    if (endpoint === undefined) return await begin(place, record);
    await makeAll(place, record, endpoint);
    const { status } = await endpoints.get(place, endpoint);
    if (status === "Creating" || status === "Updating") return again(pollMs);
    if (status === "InService") return await complete(record);
    return await failed(place, record, `The endpoint ${endpoint} is in status ${status}.`);
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
    return await failed(place, record, `The best candidate could not be deployed: ${error.message}`);
  }
};

async function begin(place: OperationPlace, record: AutoMLJobRecord): Promise<Outcome> {
  const { order } = record.value;
  const digest = hash("sha256", `${record.name}\n${record.createdAt}\nendpoint`).slice(0, 8);
  const endpoint = order.deploy?.EndpointName ?? `${record.name}-${digest}`;
  if (await place.platform.store.get(endpoints.key(place.scope, endpoint))) {
    return await failed(place, record, `There is an endpoint called ${endpoint} already.`);
  }
  await write(place, record, { ...record.value, endpoint });
  return again(0);
}

async function failed(place: OperationPlace, record: AutoMLJobRecord, reason: string): Promise<Outcome> {
  const value = withPartialFailure(record.value, reason);
  return await end(place, { ...record, value }, "Completed", { secondary: "ModelDeploymentError" });
}

/** Makes whichever of model, configuration and endpoint is not there. All have the endpoint's name. */
async function makeAll(place: OperationPlace, record: AutoMLJobRecord, name: string): Promise<void> {
  const { store } = place.platform;
  const { order, best, tags } = record.value;
  const context = ownContext(place, order.role);
  const Tags = [...tags];
  if (!(await store.get(models.key(place.scope, name)))) {
    const candidate = (await candidatesOf(record, place)).find((each) => each.name === best);
    const Containers = candidate && describeCandidate(candidate, record, place).InferenceContainers;
    const { VpcConfig } = order.security;
    await createModel(
      {
        ...{ ModelName: name, ExecutionRoleArn: order.role, Tags },
        Containers: (Containers ?? []).map(({ Image, ModelDataUrl, Environment }) => ({
          ...{ Image: Image as string, ModelDataUrl: ModelDataUrl as string, Environment: Environment ?? {} },
        })),
        ...(VpcConfig && { VpcConfig }),
      },
      context,
    );
  }
  if (!(await store.get(endpointConfigs.key(place.scope, name)))) {
    const variant = { VariantName: "AllTraffic", ModelName: name, InstanceType: instanceType } as const;
    await createEndpointConfig(
      { EndpointConfigName: name, ProductionVariants: [{ ...variant, InitialInstanceCount: 1 }], Tags },
      context,
    );
  }
  if (await store.get(endpoints.key(place.scope, name))) return;
  await createEndpoint({ EndpointName: name, EndpointConfigName: name, Tags }, context);
}

/** A context of the platform's own: it acts for the owner of the job, by the job's role. */
function ownContext(place: OperationPlace, role: string): OperationContext {
  return {
    ...place,
    principal: { arn: role, userId: "autopilot" },
    requestId: "autopilot",
    signal: new AbortController().signal,
    publicUrl: "",
  };
}
