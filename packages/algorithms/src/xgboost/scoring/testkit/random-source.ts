import type { DenseRows } from "../../../formats/rows.ts";
import { type RandomStream, randomStream } from "../../../numerics/random.ts";

/** Labels in the form that an objective takes. */
interface Labels {
  /** Shape (rows, width). */
  readonly values: Float32Array;
  readonly width: number;
  readonly groups?: Uint32Array;
  readonly bounds?: { readonly lower: Float32Array; readonly upper: Float32Array };
}

interface Training {
  readonly settings: Readonly<Record<string, string>>;
  readonly data: DenseRows;
  readonly labels: Labels;
  readonly categorical: readonly boolean[];
  readonly rounds: number;
}

interface Column {
  /** 0 for a column of numbers. */
  readonly categories: number;
  readonly scale: number;
  /** Different values, so that many rows share one. */
  readonly steps: number;
}

const objectives = [
  ...["reg:squarederror", "reg:squaredlogerror", "reg:pseudohubererror", "reg:absoluteerror", "reg:quantileerror"],
  ...["rank:pairwise", "rank:ndcg", "rank:map", "binary:logitraw", "binary:logistic", "reg:logistic", "binary:hinge"],
  ...["count:poisson", "reg:gamma", "reg:tweedie", "survival:cox", "survival:aft", "multi:softprob", "multi:softmax"],
];
/** Objectives that set leaves after the trees are grown: not of linear models, and not of several trees a round. */
const adaptive = ["reg:absoluteerror", "reg:quantileerror"];
const rows = 60;
const questions = 40;
const groups = 6;

/** Random data and settings for a model, the same for a seed on every machine. */
export class RandomModelSource {
  readonly #random: RandomStream;
  readonly #columns: readonly Column[];
  readonly #missing: number;
  readonly #objective: string;
  readonly #booster: string;

  constructor(seed: number) {
    this.#random = randomStream(seed);
    this.#objective = this.#pick(objectives);
    const boosters = ["gbtree", "gbtree", "gbtree", "dart", "gblinear"];
    const picked = this.#pick(boosters);
    this.#booster = picked === "gblinear" && adaptive.includes(this.#objective) ? "dart" : picked;
    this.#missing = this.#pick([0, 0.1, 0.6]);
    const hasCategories = this.#booster !== "gblinear" && this.#random.uniform() < 0.4;
    this.#columns = Array.from({ length: 1 + this.#below(8) }, () => ({
      categories: hasCategories && this.#random.uniform() < 0.6 ? 2 + this.#below(80) : 0,
      scale: this.#pick([1, 1, 1e-6, 1e5]),
      steps: this.#pick([3, 20, 1e6]),
    }));
  }

  training(): Training {
    const data = this.#rows(rows, false);
    const categorical = this.#columns.map(({ categories }) => categories > 0);
    const labels = this.#labels();
    const isVector = !categorical.some((is) => is) && this.#canHaveVectors();
    return {
      settings: {
        objective: this.#objective,
        booster: this.#booster,
        ...this.#objectiveSettings(),
        ...(this.#booster === "gblinear" ? this.#linearSettings() : this.#treeSettings(categorical, isVector)),
        ...this.#baseScore(),
        seed: String(this.#below(1000)),
      },
      data,
      labels,
      categorical,
      rounds: 1 + this.#below(8),
    };
  }

  format(formats: readonly string[]): string {
    return this.#pick(formats);
  }

  /** Rows like those of the training, and some whose values were never seen. */
  questions(): DenseRows {
    return this.#rows(questions, true);
  }

  #rows(count: number, withOdd: boolean): DenseRows {
    const width = this.#columns.length;
    const values = Float32Array.from({ length: count * width }, (_, i) => {
      if (this.#random.uniform() < this.#missing) return Number.NaN;
      const { categories, scale, steps } = this.#columns[i % width] as Column;
      if (withOdd && this.#random.uniform() < 0.05)
        return this.#pick([0, -0, -1, -3.5, 1e30, -1e30, 2 ** 24, 95, 1.5, 1e-40]);
      if (categories > 0) return this.#below(categories);
      return (Math.round((this.#random.uniform() - 0.5) * steps) / steps) * 4 * scale;
    });
    return { kind: "dense", count, width, values };
  }

  #labels(): Labels {
    const width = this.#targets();
    const values = Float32Array.from({ length: rows * width }, () => this.#label());
    if (this.#objective.startsWith("rank:")) {
      return { values, width, groups: new Uint32Array(groups).fill(rows / groups) };
    }
    if (this.#objective !== "survival:aft") return { values, width };
    return {
      values,
      width,
      bounds: { lower: values, upper: values.map((time) => time * this.#pick([1, 2, Infinity])) },
    };
  }

  #label(): number {
    const name = this.#objective;
    if (name.startsWith("multi:")) return this.#below(3);
    if (name.startsWith("binary:") || name === "rank:map") return this.#below(2);
    if (name === "reg:logistic") return this.#random.uniform();
    if (name.startsWith("rank:")) return this.#below(4);
    if (name === "survival:cox") return this.#random.uniform() * 5 + 0.1;
    if (["count:poisson", "reg:tweedie"].includes(name)) return this.#below(5);
    if (["reg:gamma", "survival:aft", "reg:squaredlogerror"].includes(name)) return this.#random.uniform() * 4 + 0.1;
    return (this.#random.uniform() - 0.3) * this.#pick([1, 50]);
  }

  #targets(): number {
    const several = ["reg:squarederror", "binary:logistic", "reg:squaredlogerror", "reg:pseudohubererror"];
    return several.includes(this.#objective) && this.#booster !== "dart" && this.#random.uniform() < 0.3
      ? 2 + this.#below(2)
      : 1;
  }

  #objectiveSettings(): Record<string, string> {
    if (this.#objective.startsWith("multi:")) return { num_class: "3" };
    if (this.#objective === "reg:quantileerror") return { quantile_alpha: this.#pick(["0.4", "[0.1,0.5,0.9]"]) };
    if (this.#objective === "reg:tweedie") return { tweedie_variance_power: "1.3" };
    if (this.#objective === "survival:aft")
      return { aft_loss_distribution: this.#pick(["normal", "logistic", "extreme"]) };
    return {};
  }

  #linearSettings(): Record<string, string> {
    return { updater: this.#pick(["coord_descent", "shotgun"]), lambda: "0.1", eta: "0.3" };
  }

  #treeSettings(categorical: readonly boolean[], isVector: boolean): Record<string, string> {
    const isCategorical = categorical.some((is) => is);
    const parallel = adaptive.includes(this.#objective) ? 1 : this.#pick([1, 1, 1, 3]);
    const method = isVector ? "hist" : this.#pick(isCategorical ? ["hist", "approx"] : ["hist", "approx", "exact"]);
    return {
      tree_method: method,
      max_depth: String(1 + this.#below(6)),
      eta: this.#pick(["0.1", "0.5", "1"]),
      min_child_weight: this.#pick(["0", "0.5"]),
      lambda: this.#pick(["0", "1"]),
      ...(parallel > 1 && { num_parallel_tree: String(parallel), subsample: "0.7" }),
      ...(isCategorical && { max_cat_to_onehot: this.#pick(["1", "4", "100"]) }),
      ...(isVector && { multi_strategy: "multi_output_tree" }),
      ...(method !== "exact" &&
        !isVector &&
        this.#random.uniform() < 0.2 && { grow_policy: "lossguide", max_leaves: "9" }),
      ...(this.#booster === "dart" && { rate_drop: "0.5", normalize_type: this.#pick(["tree", "forest"]) }),
    };
  }

  #canHaveVectors(): boolean {
    const able = ["multi:softprob", "multi:softmax", "reg:squarederror", "binary:logistic"];
    return this.#booster === "gbtree" && able.includes(this.#objective) && this.#random.uniform() < 0.4;
  }

  #baseScore(): Record<string, string> {
    return this.#random.uniform() < 0.5 ? {} : { base_score: this.#pick(["0.25", "0.5", "0.9"]) };
  }

  #pick<T>(values: readonly T[]): T {
    return values[this.#below(values.length)] as T;
  }

  #below(end: number): number {
    return Math.floor(this.#random.uniform() * end);
  }
}
