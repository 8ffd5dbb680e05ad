import { validationException } from "../../../errors.ts";
import type { OperationContext } from "../../service.ts";
import type { Input, Operation } from "../operation.ts";
import { changeExperiment } from "./change.ts";
import { checkVariant } from "./check-experiment.ts";
import { conflict, type ExperimentValue, type StopRequest, variantNames } from "./experiment.ts";

type Stop = Input<"StopInferenceExperiment">;

/**
 * Ends an experiment. Its variants stay, go or are promoted as the caller says; one that has not begun leaves the
 * endpoint as it is.
 */
export const stopInferenceExperiment: Operation<"StopInferenceExperiment"> = (input, context) =>
  changeExperiment(input.Name as string, context, async ({ name, status, value }) => {
    if (status !== "Created" && status !== "Starting" && status !== "Running") {
      throw conflict(`Inference experiment "${name}" is ${status}; it cannot be stopped now.`);
    }
    const stop = await readStop(input, value, context);
    const { change: _given, ...kept } = value;
    if (status !== "Created") return { status: "Stopping", value: { ...kept, stop } };
    const over = { ...kept, completedAt: context.platform.clock.now() };
    const statusReason = stop.reason ?? "The experiment was stopped before it began.";
    return { status: "Cancelled", value: { ...over, statusReason }, isOver: true };
  });

async function readStop(input: Stop, { spec }: ExperimentValue, context: OperationContext): Promise<StopRequest> {
  const { source, shadow } = variantNames(spec);
  const actions = { ...input.ModelVariantActions } as Record<string, StopRequest["actions"][string]>;
  const unknown = Object.keys(actions).find((name) => name !== source && name !== shadow);
  if (unknown !== undefined) {
    throw validationException(
      `ModelVariantActions: "${unknown}" is no variant of the experiment ("${source}", "${shadow}").`,
    );
  }
  // Whoever names one variant leaves the other as it is.
  actions[source] ??= "Retain";
  actions[shadow] ??= "Retain";
  if (actions[source] === "Promote") {
    throw validationException(`ModelVariantActions: "${source}" is the production variant; it cannot be promoted.`);
  }
  if (actions[source] === "Remove" && actions[shadow] !== "Promote") {
    throw validationException(
      `ModelVariantActions would leave the endpoint without a production variant: promote "${shadow}" or retain "${source}".`,
    );
  }
  for (const variant of input.DesiredModelVariants ?? []) {
    const action = actions[variant.VariantName ?? ""];
    if (action === undefined || action === "Remove") {
      throw validationException(`DesiredModelVariants: "${variant.VariantName}" is no variant that stays.`);
    }
    const known = spec.ModelVariants?.find(({ VariantName }) => VariantName === variant.VariantName)?.ModelName;
    if (known !== variant.ModelName) {
      throw validationException(
        `DesiredModelVariants: variant "${variant.VariantName}" has the model "${known}", not "${variant.ModelName}".`,
      );
    }
    await checkVariant(variant, context);
  }
  return {
    actions,
    state: input.DesiredState === "Cancelled" ? "Cancelled" : "Completed",
    ...(input.DesiredModelVariants && { variants: input.DesiredModelVariants }),
    ...(input.Reason !== undefined && { reason: input.Reason }),
  };
}
