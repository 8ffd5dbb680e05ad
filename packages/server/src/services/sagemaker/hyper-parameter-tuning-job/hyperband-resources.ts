import { validationException } from "../../../errors.ts";
import type { Definition } from "./definitions.ts";
import type { TuningConfig } from "./tuning-job.ts";

/** Static hyperparameters that say how long a trial is, where MaxResource does not. */
const epochNames = ["epochs", "numepochs", "n-epochs", "n_epochs", "num_epochs"];
/** What the service takes at most. */
const mostResource = 20_000;

/**
 * Between which resources Hyperband decides.
 * @throws ValidationException when nothing says how long a trial is, or the least is above the greatest.
 */
export function hyperbandResources(
  config: TuningConfig,
  { definition }: Pick<Definition, "definition">,
): { readonly minResource: number; readonly maxResource: number } {
  const given = config.StrategyConfig?.HyperbandStrategyConfig;
  const fixed = definition.StaticHyperParameters ?? {};
  const named = epochNames.find((name) => /^[1-9]\d*$/.test(fixed[name] ?? ""));
  const maxResource = given?.MaxResource ?? (named === undefined ? undefined : Number(fixed[named]));
  if (maxResource === undefined) {
    throw validationException(
      `StrategyConfig.HyperbandStrategyConfig.MaxResource is required: none of the static hyperparameters ${epochNames.join(", ")} says how many epochs a training job has.`,
    );
  }
  if (maxResource > mostResource) {
    throw validationException(
      `HyperbandStrategyConfig.MaxResource is ${maxResource}; it must be at most ${mostResource}.`,
    );
  }
  const minResource = given?.MinResource ?? 1;
  if (minResource > maxResource) {
    throw validationException(
      `HyperbandStrategyConfig.MinResource, ${minResource}, is greater than MaxResource, ${maxResource}.`,
    );
  }
  return { minResource, maxResource };
}
