import type { Store } from "../../../store/store.ts";
import { type TuningJobRecord, type TuningTrial, type TuningTrialRecord, tuningTrialKind } from "./tuning-job.ts";

const pageSize = 1000;

/** All trials of a tuning job, in order of their numbers. */
export async function allTrials(
  store: Store,
  { account, region, name }: Pick<TuningJobRecord, "account" | "region" | "name">,
): Promise<TuningTrialRecord[]> {
  const trials: TuningTrialRecord[] = [];
  let token: string | undefined;
  do {
    const page = await store.list<TuningTrial>({
      ...{ kind: tuningTrialKind, account, region, prefix: `${name}/`, limit: pageSize },
      ...(token !== undefined && { token }),
    });
    trials.push(...page.records);
    token = page.next;
  } while (token !== undefined);
  return trials;
}
