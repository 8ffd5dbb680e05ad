import type { Write } from "../../../store/store.ts";
import type { Operation } from "../operation.ts";
import { dropTags } from "../tags/tags-record.ts";
import { conflict, endpointLockKey } from "./experiment.ts";
import { inferenceExperiments } from "./resource.ts";

/** Deletes what is known of an experiment that has not begun or has ended; the endpoint, its models and the report stay. */
export const deleteInferenceExperiment: Operation<"DeleteInferenceExperiment"> = async (input, context) => {
  const { scope, platform } = context;
  const { name, status, version, value } = await inferenceExperiments.get(context, input.Name as string);
  if (status !== "Created" && status !== "Completed" && status !== "Cancelled") {
    throw conflict(`Inference experiment "${name}" is ${status}; stop it before deleting it.`);
  }
  const free: Write[] = status === "Created" ? [{ op: "delete", key: endpointLockKey(scope, value.endpoint) }] : [];
  await platform.store.write([
    { op: "delete", key: inferenceExperiments.key(scope, name), version },
    ...free,
    ...(await dropTags(platform.store, scope, value.arn)),
  ]);
  return { InferenceExperimentArn: value.arn };
};
