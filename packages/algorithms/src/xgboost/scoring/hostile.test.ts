import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ModelFileError, UnscoredModelError } from "./errors.ts";
import { fileOf, reference } from "./fixtures/reference.ts";
import { readModel } from "./format/read-model.ts";
import { scorerOf } from "./scorer.ts";

const one = { kind: "dense", count: 1, width: 4, values: Float32Array.of(1, Number.NaN, -1, 3) } as const;

function fixture(name: string, format: string, version = "3.0.5"): Buffer {
  const found = reference.models.find((model) => model.name === name && model.version === version);
  if (found === undefined) throw new Error(`no fixture ${name} of ${version}`);
  return fileOf(found, format);
}

function open(bytes: Buffer) {
  return scorerOf(readModel(bytes));
}

// oxlint-disable-next-line typescript/no-explicit-any -- a document is changed in ways that its schema does not allow
type Loose = any;
type Edit = (members: { learner: Loose; model: Loose; tree: Loose; parameters: Loose }) => void;

/** A sound model with one change, as JSON. */
function edited(name: string, edit: Edit): Buffer {
  const document = JSON.parse(fixture(name, "json").toString());
  const { learner } = document;
  const booster = learner.gradient_booster;
  const model = booster.model ?? booster.gbtree.model;
  edit({ learner, model, tree: model.trees?.[0], parameters: learner.learner_model_param });
  return Buffer.from(JSON.stringify(document));
}

describe("a model that contradicts itself", () => {
  test.for<[string, string, Edit, string]>([
    [
      "has a cycle",
      "sigmoid",
      ({ tree }) => (tree.left_children[1] = 0),
      "node 0 of tree 0 is reached twice, from node 1",
    ],
    ["shares a node", "sigmoid", ({ tree }) => (tree.right_children[0] = 1), "node 1 of tree 0 is reached twice"],
    [
      "has a child too many",
      "sigmoid",
      ({ tree }) => (tree.left_children[0] = 99),
      "has the child 99, and the tree has",
    ],
    [
      "has a child below 0",
      "sigmoid",
      ({ tree }) => (tree.right_children[0] = -2),
      "node 0 of tree 0 has the child -2",
    ],
    ["has half a child", "sigmoid", ({ tree }) => (tree.right_children[0] = 1.5), "has the child 1.5"],
    [
      "splits no feature",
      "sigmoid",
      ({ tree }) => (tree.split_indices[0] = 4),
      "splits feature 4, and the model has 4",
    ],
    ["has a short list", "sigmoid", ({ tree }) => tree.split_conditions.pop(), "trees[0].split_conditions has"],
    [
      "has texts for numbers",
      "sigmoid",
      ({ tree }) => (tree.left_children[0] = "1"),
      'left_children[0] must be a number, not "1"',
    ],
    [
      "has many nodes",
      "sigmoid",
      ({ tree }) => (tree.tree_param.num_nodes = "2147483647"),
      "the tree has 2147483647 nodes",
    ],
    [
      "has too many nodes",
      "sigmoid",
      ({ tree }) => (tree.tree_param.num_nodes = "99999999999"),
      "num_nodes must be a whole number",
    ],
    ["lacks a tree", "sigmoid", ({ model }) => model.trees.pop(), "num_trees is 3 where there are 2 trees"],
    ["has a tree twice", "sigmoid", ({ model }) => (model.trees[1].id = 0), "has no tree with the id 1"],
    [
      "adds to no output",
      "classes",
      ({ model }) => (model.tree_info[4] = 3),
      "tree 4 adds to output 3, and the model has 3",
    ],
    [
      "lacks an output",
      "classes",
      ({ model }) => model.tree_info.pop(),
      "tree_info has 8 elements where there are 9 trees",
    ],
    [
      "lacks a weight",
      "dart",
      ({ learner }) => learner.gradient_booster.weight_drop.pop(),
      "weight_drop has 2 elements",
    ],
    ["has a weight more", "linear", ({ model }) => model.weights.push(1), "4 features and a bias for 1 outputs make 5"],
    ["has a wrong base score", "sigmoid", ({ parameters }) => (parameters.base_score = "half"), 'not "half"'],
    [
      "has two base scores",
      "sigmoid",
      ({ parameters }) => (parameters.base_score = "[1,2]"),
      "base_score has 2 numbers",
    ],
    [
      "has half a feature",
      "sigmoid",
      ({ parameters }) => (parameters.num_feature = "4.5"),
      "num_feature must be a whole number",
    ],
    [
      "lacks its learner",
      "sigmoid",
      ({ learner }) => delete learner.objective,
      "learner.objective must be an object, not missing",
    ],
    [
      "has a category below 0",
      "categories",
      ({ model }) => categorical(model, (tree) => (tree.categories[0] = -1)),
      "splits by the category -1",
    ],
    [
      "has a category too large",
      "categories",
      ({ model }) => categorical(model, (tree) => (tree.categories[0] = 2 ** 24)),
      "splits by the category 16777216",
    ],
    [
      "has sets past the end",
      "categories",
      ({ model }) => categorical(model, (tree) => (tree.categories_sizes[0] = 9e6)),
      "not those from",
    ],
    ["has a vector too many", "vectors", ({ tree }) => (tree.base_weights.length = 2), "has the vector"],
  ])("%s", ([, name, edit, message]) => {
    const bytes = edited(name, edit);
    expect(() => open(bytes)).toThrow(ModelFileError);
    expect(() => open(bytes)).toThrow(message);
  });

  function categorical(model: Loose, edit: (tree: Loose) => void): void {
    edit(model.trees.find((tree: { categories: number[] }) => tree.categories.length > 0));
  }
});

test("sets of categories that overlap are refused before they are copied for every node", () => {
  const bytes = edited("categories", ({ model }) => {
    for (const tree of model.trees) {
      tree.categories_segments.fill(0);
      tree.categories_sizes.fill(tree.categories.length);
    }
  });
  expect(() => open(bytes)).toThrow("categories_sizes are more than there are categories");
});

test.for<[string, Edit, string]>([
  ["an objective", ({ learner }) => (learner.objective.name = "reg:mine"), 'the objective "reg:mine"'],
  ["a booster", ({ learner }) => (learner.gradient_booster.name = "gbforest"), 'the booster "gbforest"'],
  ["two billion classes", ({ parameters }) => (parameters.num_class = "2147483647"), "2147483647 outputs"],
  [
    "a feature far out",
    ({ parameters, tree }) => ([parameters.num_feature, tree.split_indices[0]] = ["4294967295", 2 ** 30]),
    "splits of feature",
  ],
])("%s that is not known here is said to be so", ([, edit, message]) => {
  const bytes = edited("sigmoid", edit);
  expect(() => open(bytes)).toThrow(UnscoredModelError);
  expect(() => open(bytes)).toThrow(message);
});

test("numbers that JSON does not have are read", () => {
  const text = fixture("sigmoid", "json").toString();
  const odd = Buffer.from(
    text
      .replace(/"sum_hessian":\[[^,\]]+/, '"sum_hessian":[NaN')
      .replace(/"loss_changes":\[[^,\]]+/, '"loss_changes":[-Infinity'),
  );
  expect(open(odd).predict(one, "value")).toEqual(open(Buffer.from(text)).predict(one, "value"));
});

const formats: [string, string, string][] = [
  ["sigmoid", "ubj", "3.0.5"],
  ["vectors", "ubj", "3.2.0"],
  ["dart", "model", "1.7.6"],
  ["linear", "model", "1.3.3"],
  ["sigmoid", "json", "3.0.5"],
];

describe.for(formats)("%s as %s of %s", ([name, format, version]) => {
  const bytes = fixture(name, format, version);

  test("is refused at whatever byte it ends", () => {
    // The last bytes of the binary format hold notes on the model, which may be missing as a whole.
    const step = Math.max(1, Math.floor(bytes.length / 500));
    for (let end = 0; end < bytes.length - 1; end += step) {
      expect(() => open(bytes.subarray(0, end)), `${end} of ${bytes.length} bytes`).toThrow(ModelFileError);
    }
  });

  test("is answered or refused with any bytes changed", () => {
    const change = fc.record({ at: fc.nat(bytes.length - 1), to: fc.nat(255) });
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 6 }), (changes) => {
        const broken = Buffer.from(bytes);
        for (const { at, to } of changes) broken[at] = to;
        try {
          expect(open(broken).predict(one, "value").length).toBeGreaterThan(0);
        } catch (error) {
          if (!(error instanceof ModelFileError) && !(error instanceof UnscoredModelError)) throw error;
        }
      }),
      { numRuns: 400 },
    );
  });
});

test.for<[string, Buffer, string]>([
  ["nothing", Buffer.alloc(0), "neither JSON nor UBJSON"],
  ["a text", Buffer.from("nonsense"), "neither JSON nor UBJSON"],
  ["zeros", Buffer.alloc(10_000), "neither JSON nor UBJSON"],
  ["an empty object", Buffer.from("{}"), "learner must be an object, not missing"],
  ["a million lists in UBJSON", Buffer.from(`{i\x01a${"[".repeat(1_000_000)}`, "latin1"), "more than 64 containers"],
  ["a million lists in JSON", Buffer.from(`{"a":${"[".repeat(1_000_000)}`), "begins as JSON and is none"],
  [
    "a million whole lists in JSON",
    Buffer.from(`{"learner":${"[".repeat(1e6)}${"]".repeat(1e6)}}`),
    "must be an object, not a list",
  ],
  ["a million fillers", Buffer.from(`{i\x01a${"N".repeat(1_000_000)}`, "latin1"), "ends after"],
  ["a list of a quintillion", Buffer.from("7b4c0000000000000001615b234c0fffffffffffffff", "hex"), "a length of"],
  [
    "an array of a quintillion floats",
    Buffer.from("7b4c0000000000000001615b24644c234c0fffffffffffffff", "hex"),
    "a length",
  ],
  ["a name of negative length", Buffer.from("7b4cffffffffffffffff61", "hex"), "a length of -1"],
  ["a member called __proto__", Buffer.from('{"__proto__":{"learner":{}}}'), "learner must be an object, not missing"],
])("%s is no model", ([, bytes, message]) => {
  expect(() => open(bytes)).toThrow(ModelFileError);
  expect(() => open(bytes)).toThrow(message);
});
