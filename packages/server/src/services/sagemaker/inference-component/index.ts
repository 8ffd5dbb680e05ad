import { WriteConflict } from "../../../store/store.ts";
import type { Operation, OperationTable } from "../operation.ts";
import { createInferenceComponent } from "./create.ts";
import { components } from "./resource.ts";
import { updateInferenceComponentRuntimeConfig } from "./runtime-config.ts";
import { updateInferenceComponent } from "./update.ts";

/** Asks for a component to go; its record goes when its last copy has ended. */
const deleteInferenceComponent: Operation<"DeleteInferenceComponent"> = async (input, context) => {
  const { value, version, status } = await components.get(context, input.InferenceComponentName);
  if (status === "Deleting") return {};
  const key = components.key(context.scope, input.InferenceComponentName);
  try {
    await context.platform.store.write([{ op: "update", key, version, value, status: "Deleting" }]);
  } catch (error) {
    if (!(error instanceof WriteConflict)) throw error;
    return await deleteInferenceComponent(input, context);
  }
  return {};
};

/** CreateInferenceComponent, Describe, List, Update, UpdateInferenceComponentRuntimeConfig, Delete. */
export const inferenceComponentOperations = {
  CreateInferenceComponent: createInferenceComponent,
  DescribeInferenceComponent: (input, context) => components.describe(context, input.InferenceComponentName),
  ListInferenceComponents: async (input, context) => {
    const { EndpointNameEquals: endpoint, VariantNameEquals: variant } = input;
    const page = await components.list(input, context);
    const found = page.summaries.filter(
      ({ EndpointName, VariantName }) =>
        (endpoint === undefined || EndpointName === endpoint) && (variant === undefined || VariantName === variant),
    );
    return { InferenceComponents: found, ...page.next };
  },
  UpdateInferenceComponent: updateInferenceComponent,
  UpdateInferenceComponentRuntimeConfig: updateInferenceComponentRuntimeConfig,
  DeleteInferenceComponent: deleteInferenceComponent,
} satisfies OperationTable;
