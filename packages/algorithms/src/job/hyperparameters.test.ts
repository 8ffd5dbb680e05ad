import { expect, expectTypeOf, test } from "vitest";
import { bool, categorical, float, int, list, type Parsed, parseHyperparameters, text } from "./hyperparameters.ts";

const schema = {
  kind: categorical({ words: ["regressor", "classifier"], required: true, doc: "What is learned." }),
  k: int({ min: 1, max: 1000, default: 3, doc: "Number of clusters." }),
  dim: int({ min: 1, words: ["auto"], default: "auto", doc: "Width of a row." }),
  rate: float({ above: 0, below: 1, words: ["auto"], default: 0.5, doc: "Step size." }),
  decay: float({ min: 0, doc: "No default." }),
  bias: bool({ default: true, doc: "Whether there is one." }),
  scale: bool({ words: ["auto"], default: "auto", doc: "Whether to scale." }),
  metrics: list({ words: ["msd", "ssd"], default: ["msd"], doc: "What is measured." }),
  note: text({ doc: "Free text." }),
};

const parse = (given: Record<string, string>) => parseHyperparameters(schema, { kind: "regressor", ...given });

test("defaults fill what is absent", () => {
  expect(parse({})).toEqual({
    kind: "regressor",
    k: 3,
    dim: "auto",
    rate: 0.5,
    decay: undefined,
    bias: true,
    scale: "auto",
    metrics: ["msd"],
    note: undefined,
  });
});

test("types follow from the schema", () => {
  expectTypeOf<Parsed<typeof schema>>().toEqualTypeOf<{
    readonly kind: "regressor" | "classifier";
    readonly k: number;
    readonly dim: number | "auto";
    readonly rate: number | "auto";
    readonly decay: number | undefined;
    readonly bias: boolean;
    readonly scale: boolean | "auto";
    readonly metrics: readonly ("msd" | "ssd")[];
    readonly note: string | undefined;
  }>();
});

test.for<[string, string, unknown]>([
  ["k", "1000", 1000],
  ["k", '"7"', 7],
  ["dim", "auto", "auto"],
  ["dim", "12", 12],
  ["rate", "1e-3", 0.001],
  ["rate", ".25", 0.25],
  ["decay", "0", 0],
  ["bias", "False", false],
  ["bias", "true", true],
  ["scale", "TRUE", true],
  ["scale", "auto", "auto"],
  ["kind", '"classifier"', "classifier"],
  ["metrics", '["ssd", "msd"]', ["ssd", "msd"]],
  ["note", "it's", "it's"],
])("%s takes %j", ([name, value, expected]) => {
  expect(parse({ [name]: value })).toMatchObject({ [name]: expected });
});

test.for<[string, string, string]>([
  ["k", "0", "an integer >= 1 and <= 1000"],
  ["k", "1001", "an integer >= 1 and <= 1000"],
  ["k", "1.5", "an integer >= 1 and <= 1000"],
  ["k", "007", "an integer >= 1 and <= 1000"],
  ["k", "", "an integer >= 1 and <= 1000"],
  ["dim", "automatic", "an integer >= 1 or one of 'auto'"],
  ["rate", "0", "a number > 0 and < 1 or one of 'auto'"],
  ["rate", "1", "a number > 0 and < 1 or one of 'auto'"],
  ["rate", "NaN", "a number > 0 and < 1 or one of 'auto'"],
  ["decay", "1e999", "a number >= 0"],
  ["bias", "yes", "'true' or 'false'"],
  ["metrics", "msd", "a JSON list of 'msd', 'ssd'"],
  ["metrics", "[]", "a JSON list of 'msd', 'ssd'"],
  ["metrics", '["msd", "rmse"]', "a JSON list of 'msd', 'ssd'"],
  ["metrics", '["msd", "msd"]', "a JSON list of 'msd', 'ssd'"],
  ["kind", "ranker", "one of 'regressor', 'classifier'"],
])("%s refuses %j", ([name, value, accepted]) => {
  expect(() => parse({ [name]: value })).toThrow(
    `'${value}' is not valid under any of the given schemas: hyperparameter '${name}' must be ${accepted}`,
  );
});

test("all faults are reported at once, in the recorded wording", () => {
  expect(() => parseHyperparameters(schema, { depth: "1", seed: "2", k: "-1" })).toThrow(
    "Unable to initialize the algorithm. Failed to validate hyperparameters. " +
      "Additional properties are not allowed ('depth', 'seed' were unexpected); " +
      "'kind' is a required property; " +
      "'-1' is not valid under any of the given schemas: hyperparameter 'k' must be an integer >= 1 and <= 1000",
  );
});

test("the platform's own names are passed over", () => {
  expect(parse({ _tuning_objective_metric: "validation:loss", _kvstore: "auto" })).not.toHaveProperty("_kvstore");
});

test("names that every object has are unknown hyperparameters", () => {
  expect(() => parse({ constructor: "1" })).toThrow("('constructor' was unexpected)");
});
