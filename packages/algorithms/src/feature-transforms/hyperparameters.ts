import { type Parsed, text } from "../job/hyperparameters.ts";

/** What a job is told. */
export const hyperparameters = {
  pipeline: text({
    required: true,
    doc: 'The transform as JSON, as packages/algorithms/src/transforms/README.md describes it: `{"kind": "pipeline", "steps": [...]}`.',
  }),
  target: text({ doc: "Name of the column to predict, which transforms may learn from. Requests do not have it." }),
  column_types: text({
    doc: 'Types of columns that their values do not tell, as JSON: `{"postcode": "text"}`. There are numeric, text and date.',
  }),
} as const;

export type FeatureTransformsHyperparameters = Parsed<typeof hyperparameters>;
