import type { Rows } from "../formats/rows.ts";
import type { Predictor } from "../job/algorithm.ts";
import { RequestError } from "../job/errors.ts";
import { type LdaModel, loadModel } from "./artifact.ts";
import { openTopicKernel, type Placed, type TopicKernel, type Vectors } from "./topic-kernel.ts";
import { placeTopics, settled } from "./topics.ts";

/** Documents that are looked at together. The kernel's memory is given out once, so there is room for so many at most. */
const mostDocuments = 256;
const fewestEntries = 65_536;

/** Reads a trained model for serving: each document is answered with its `topic_mixture`. */
export async function load(modelDirectory: string): Promise<Predictor> {
  const model = await loadModel(modelDirectory);
  const mixer = new Mixer(await openTopicKernel(model.alpha.length, 1), model);
  const width = model.alpha.length;
  return {
    featureDim: model.vocabulary,
    predict: (rows) => ({
      rows: rows.count,
      columns: [{ name: "topic_mixture", width, values: mixer.mixtures(rows), isFloat: true }],
    }),
  };
}

/** Infers mixtures of documents, the same numbers for a document alone as among others. */
class Mixer {
  readonly #kernel: TopicKernel;
  readonly #width: number;
  readonly #topics: Vectors;
  readonly #prior: Vectors;
  readonly #mixtures: Vectors;
  readonly #area: Placed;

  constructor(kernel: TopicKernel, model: LdaModel) {
    this.#kernel = kernel;
    this.#width = model.alpha.length;
    this.#topics = placeTopics(kernel, model);
    this.#prior = kernel.vectors(1, this.#width);
    this.#prior.values.set(model.alpha);
    this.#mixtures = kernel.vectors(mostDocuments, this.#width);
    const entries = Math.max(fewestEntries, model.vocabulary);
    this.#area = kernel.place({
      lines: mostDocuments,
      offsets: new Int32Array(mostDocuments + 1),
      indices: new Int32Array(entries),
      counts: new Float32Array(entries),
    });
  }

  /** @returns Shape (rows, topics). @throws RequestError for a negative count. */
  mixtures(rows: Rows): Float32Array {
    const width = this.#width;
    const result = new Float32Array(rows.count * width);
    const { values, stride } = this.#mixtures;
    for (let first = 0; first < rows.count; ) {
      const lines = this.#fill(rows, first);
      for (let i = 0; i < lines; i++) values.fill(1 / width, i * stride, i * stride + width);
      const inference = { ...settled, prior: this.#prior };
      this.#kernel.infer({ ...this.#area, lines }, this.#topics, this.#mixtures, inference);
      for (let i = 0; i < lines; i++) {
        result.set(values.subarray(i * stride, i * stride + width), (first + i) * width);
      }
      first += lines;
    }
    return result;
  }

  /** Takes as many documents as there is room for. @returns How many. */
  #fill(rows: Rows, first: number): number {
    const { offsets, indices, counts } = this.#area;
    let entries = 0;
    let lines = 0;
    while (lines < mostDocuments && first + lines < rows.count) {
      const row = first + lines;
      const [from, end] = rangeOf(rows, row);
      if (entries + end - from > indices.length) break;
      for (let e = from; e < end; e++) {
        const value = rows.values[e] as number;
        if (value === 0) continue;
        if (value < 0) throw new RequestError(400, `Row ${row + 1} has a negative count: ${value}.`);
        indices[entries] = rows.kind === "dense" ? e - from : (rows.columns[e] as number);
        counts[entries] = value;
        entries++;
      }
      offsets[++lines] = entries;
    }
    return lines;
  }
}

/** Where a row's values begin and end. */
function rangeOf(rows: Rows, row: number): readonly [number, number] {
  if (rows.kind === "dense") return [row * rows.width, (row + 1) * rows.width];
  return [rows.offsets[row] as number, rows.offsets[row + 1] as number];
}
