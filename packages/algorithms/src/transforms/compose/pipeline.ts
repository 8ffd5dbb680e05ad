import { unchecked } from "../options.ts";
import type { FittedTransform, Training, TransformKind, TransformSpec } from "../transform.ts";
import { specsOf } from "./specs.ts";

/** Transforms one after the other: each learns from what those before it make of the training rows. */
export interface PipelineSpec<Step extends TransformSpec = TransformSpec> {
  readonly kind: "pipeline";
  readonly steps: readonly Step[];
}

interface State {
  readonly steps: readonly FittedTransform[];
}

export const pipeline: TransformKind<PipelineSpec, State> = {
  kind: "pipeline",
  options: { steps: unchecked },
  takes: [],
  fit(training, spec, composer) {
    let rows: Training = training;
    const steps: FittedTransform[] = [];
    for (const step of specsOf(spec.steps, "steps of a pipeline")) {
      const result = composer.fit(step, rows);
      steps.push(result.fitted);
      rows = result.training;
    }
    return { state: { steps }, training: rows };
  },
  open({ steps }, composer) {
    const applied = steps.map((step) => composer.open(step));
    return (table) => applied.reduce((rows, apply) => apply(rows), table);
  },
};
