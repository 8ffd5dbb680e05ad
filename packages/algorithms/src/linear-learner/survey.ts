import type { Rows, Table } from "../formats/rows.ts";
import { CustomerError } from "../job/errors.ts";
import { Moments } from "./moments.ts";
import type { Settings } from "./settings.ts";
import { entriesOf } from "./take-rows.ts";

export type SplitName = "train" | "validation" | "test";

/** What must be known of a channel's rows before anything is learned from them. */
export interface Facts {
  readonly count: number;
  readonly width: number;
  /** Sparse where any row is. */
  readonly kind: Rows["kind"];
  /** Values that they have as sparse rows. */
  readonly entries: number;
  /** Rows of each class; empty for a regression. */
  readonly classCounts: Float64Array;
  /** Of the first `num_point_for_scaler` rows. */
  readonly moments: Moments;
}

/** Looks at the rows of a channel once, in order, and checks their labels. */
export class Survey {
  readonly #name: SplitName;
  readonly #settings: Settings;
  readonly #classCounts: Float64Array;
  readonly #moments: Moments;
  #count = 0;
  #width = 0;
  #entries = 0;
  #isSparse = false;

  constructor(name: SplitName, settings: Settings) {
    this.#name = name;
    this.#settings = settings;
    const classes = settings.predictorType === "regressor" ? 0 : Math.max(settings.classes, 2);
    this.#classCounts = new Float64Array(classes);
    this.#moments = new Moments(settings.given.num_point_for_scaler);
  }

  /** @throws CustomerError naming the first row whose label is none. */
  add({ features, labels, labelWidth }: Pick<Table, "features" | "labels" | "labelWidth">): void {
    this.#countLabels(labels, labelWidth);
    this.#moments.add(features, labels);
    this.#count += features.count;
    this.#width = features.width;
    this.#entries += entriesOf(features, 0, features.count);
    this.#isSparse ||= features.kind === "sparse";
  }

  get facts(): Facts {
    return {
      count: this.#count,
      width: this.#width,
      kind: this.#isSparse ? "sparse" : "dense",
      entries: this.#entries,
      classCounts: this.#classCounts,
      moments: this.#moments,
    };
  }

  #countLabels(labels: Float32Array, labelWidth: number): void {
    if (labelWidth !== 1) {
      throw new CustomerError(`The ${this.#name} channel has ${labelWidth} labels per row; linear-learner needs one.`);
    }
    const counts = this.#classCounts;
    const isNumber = this.#settings.predictorType === "regressor";
    const top = this.#settings.predictorType === "binary_classifier" ? 1 : this.#settings.classes - 1;
    for (let i = 0; i < labels.length; i++) {
      const label = labels[i] as number;
      if (isNumber && Number.isFinite(label)) continue;
      if (!isNumber && label >= 0 && label <= top && Number.isInteger(label)) {
        counts[label] = (counts[label] as number) + 1;
        continue;
      }
      const expected = isNumber ? "a finite number" : `a whole number from 0 to ${top}`;
      throw new CustomerError(
        `Label of row ${this.#count + i + 1} of the ${this.#name} channel is ${label}; predictor_type ${this.#settings.predictorType} expects ${expected}.`,
      );
    }
  }
}
