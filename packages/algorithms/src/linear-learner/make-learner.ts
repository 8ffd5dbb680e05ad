import type { Learner, LearnerPlan, LearnerState, Split } from "./learner.ts";
import { PlainLearner } from "./plain-learner.ts";
import { SparseLearner } from "./sparse-learner.ts";

/** What learners run on; held for a whole job and closed at its end. */
export interface Workshop {
  /** Makes the learner that suits the rows. The state is taken over: read it from the learner from now on. */
  learner(plan: LearnerPlan, train: Split, state: LearnerState): Learner;
  close(): Promise<void>;
}

/** Opens a workshop on so many cores. */
export async function openWorkshop(_options: { cpus: number; memoryBytes: number | undefined }): Promise<Workshop> {
  return {
    learner(plan, train, state) {
      if (train.features.kind === "sparse") return new SparseLearner(plan, train, state);
      return new PlainLearner(plan, train, state);
    },
    async close() {},
  };
}
