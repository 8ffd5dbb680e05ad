import { ModelFileError, UnscoredModelError } from "../errors.ts";
import type { Fields } from "./document.ts";
import type { LinearBooster, ModelFile, TreeBooster } from "./model-file.ts";
import { treeOf } from "./tree-of.ts";

/** The model that a document of XGBoost's schema describes (doc/model.schema in its sources). */
export function modelOf(document: Fields): ModelFile {
  const learner = document.object("learner");
  const parameters = learner.object("learner_model_param");
  const features = parameters.whole("num_feature", { most: 2 ** 32 - 1 });
  const classes = parameters.whole("num_class", { otherwise: 0 });
  const targets = parameters.whole("num_target", { otherwise: 1 });
  return {
    version: versionOf(document),
    objective: learner.object("objective").text("name"),
    features,
    classes,
    outputs: Math.max(1, classes, targets),
    baseScore: { values: baseScores(parameters), isMargin: false },
    booster: boosterOf(learner.object("gradient_booster")),
    attributes: learner.texts("attributes"),
  };
}

function versionOf(document: Fields): ModelFile["version"] {
  if (!document.has("version")) return [0, 0, 0];
  const [major = 0, minor = 0, patch = 0] = Array.from(document.numbers("version"));
  return [major, minor, patch];
}

/** `5E-1`, and from 3.1 on `[5E-1,2.5E-1]`. */
function baseScores(parameters: Fields): readonly number[] {
  const text = parameters.text("base_score");
  const parts = text
    .trim()
    .replace(/^\[(.*)\]$/s, "$1")
    .split(",");
  return parts.map((part) => {
    const value = Math.fround(Number(part));
    if (part.trim() !== "" && Number.isFinite(value)) return value;
    const name = parameters.pathOf("base_score");
    throw new ModelFileError(`${name} must be a number or a list of numbers, not ${JSON.stringify(text.slice(0, 80))}`);
  });
}

function boosterOf(booster: Fields): TreeBooster | LinearBooster {
  const name = booster.text("name");
  switch (name) {
    case "gbtree":
      return treesOf(booster.object("model"));
    case "dart":
      return { ...treesOf(booster.object("gbtree").object("model")), weights: booster.numbers("weight_drop") };
    case "gblinear":
      return { kind: "linear", weights: booster.object("model").numbers("weights") };
    default:
      throw new UnscoredModelError(`the booster ${JSON.stringify(name)}`);
  }
}

function treesOf(model: Fields): TreeBooster {
  const parameters = model.object("gbtree_model_param");
  const list = model.list("trees");
  const count = parameters.whole("num_trees");
  if (count !== list.length) {
    throw new ModelFileError(`${parameters.pathOf("num_trees")} is ${count} where there are ${list.length} trees`);
  }
  const trees = list.map((tree, i) => treeOf(tree, `${model.pathOf("trees")}[${i}]`));
  return {
    kind: "trees",
    // A tree's place is its id, as XGBoost reads it.
    trees: inPlace(trees, model),
    outputOf: model.numbers("tree_info"),
    parallelTrees: Math.max(1, parameters.whole("num_parallel_tree", { otherwise: 1 })),
  };
}

function inPlace<T extends { readonly id: number }>(trees: readonly T[], model: Fields): readonly T[] {
  const placed = new Map(trees.map((tree) => [tree.id, tree]));
  return trees.map((_, id) => {
    const tree = placed.get(id);
    if (tree === undefined) throw new ModelFileError(`${model.pathOf("trees")} has no tree with the id ${id}`);
    return tree;
  });
}
