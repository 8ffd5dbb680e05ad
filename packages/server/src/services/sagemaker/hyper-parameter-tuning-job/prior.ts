import type { Store } from "../../../store/store.ts";
import type { PriorObservation } from "../../../tuning/index.ts";
import { definitionsOf } from "./definitions.ts";
import { allTrials } from "./read-trials.ts";
import { type TuningJob, type TuningJobRecord, tuningJobKind, usableObjective } from "./tuning-job.ts";

/** Names of the tuning jobs that one starts from. */
export function parentNames({ spec }: Pick<TuningJob, "spec">): readonly string[] {
  const parents = spec.WarmStartConfig?.ParentHyperParameterTuningJobs ?? [];
  return parents.map(({ HyperParameterTuningJobName }) => HyperParameterTuningJobName as string);
}

/**
 * What the parents of a tuning job found, and not what theirs did. Objectives of TransferLearning are of other data: they
 * are compared within each parent only. A parent that was deleted meanwhile has nothing to say.
 */
export async function priorOf(store: Store, { account, region, value }: TuningJobRecord): Promise<PriorObservation[]> {
  const isSame = value.spec.WarmStartConfig?.WarmStartType === "IdenticalDataAndAlgorithm";
  const found: PriorObservation[] = [];
  for (const name of parentNames(value)) {
    const parent = await store.get<TuningJob>({ account, region, kind: tuningJobKind, name });
    if (!parent) continue;
    const fixed = definitionsOf(parent.value.spec)[0]?.definition.StaticHyperParameters;
    for (const { value: trial } of await allTrials(store, parent)) {
      const objective = usableObjective(trial);
      if (objective === undefined) continue;
      found.push({ values: { ...fixed, ...trial.values }, objective, ...(!isSame && { source: name }) });
    }
  }
  return found;
}
