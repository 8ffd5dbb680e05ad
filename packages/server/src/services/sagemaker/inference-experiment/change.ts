import { type Write, WriteConflict } from "../../../store/store.ts";
import type { OperationContext } from "../../service.ts";
import { type ExperimentRecord, type ExperimentValue, endpointLockKey } from "./experiment.ts";
import { inferenceExperiments } from "./resource.ts";

/** What a request makes of an experiment. */
interface Changed {
  readonly status: string;
  readonly value: ExperimentValue;
  /** It has ended: its endpoint is free for another. */
  readonly isOver?: boolean;
}

/**
 * Changes an experiment as a request asks, looking again where the reconciler was faster.
 * @param decide - Throws what the caller is told when the experiment is in no status for it.
 * @returns Its ARN.
 */
export async function changeExperiment(
  name: string,
  context: OperationContext,
  decide: (record: ExperimentRecord) => Changed | Promise<Changed>,
): Promise<{ InferenceExperimentArn: string }> {
  for (;;) {
    const record = await inferenceExperiments.get(context, name);
    const { status, value, isOver } = await decide(record);
    const key = inferenceExperiments.key(context.scope, name);
    const free: Write[] = isOver ? [{ op: "delete", key: endpointLockKey(record, value.endpoint) }] : [];
    try {
      await context.platform.store.write([{ op: "update", key, version: record.version, value, status }, ...free]);
      return { InferenceExperimentArn: value.arn };
    } catch (error) {
      if (!(error instanceof WriteConflict)) throw error;
    }
  }
}
