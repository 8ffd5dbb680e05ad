import { ModelFileError, notAModel, UnscoredModelError } from "../errors.ts";
import type { FileTree, LinearBooster, ModelFile, TreeBooster } from "./model-file.ts";

// Structures of XGBoost's sources as they lie in the file, little-endian: LearnerModelParamLegacy, GBTreeModelParam,
// TreeParam, RegTree::Node, RTreeNodeStat, DeprecatedGBLinearModelParam.
const learnerSize = 136;
const forestSize = 160;
const treeSize = 148;
const nodeSize = 20;
const statisticsSize = 16;
const linearSize = 136;
/** Objectives and boosters have short names; a longer one says that the file is something else. */
const maxName = 64;

/**
 * Reads a model in the binary format, which versions before 2.1 write into files without an ending of their own, and those
 * before 3.1 read. It has no categorical splits and no leaves with several numbers.
 */
export function readBinary(bytes: Buffer): ModelFile {
  const reader = new BinaryReader(bytes);
  if (bytes.toString("latin1", 0, 4) === "binf") reader.take(4);
  if (bytes.length < learnerSize + 16) throw notAModel();
  const learner = reader.take(learnerSize);
  const classes = bytes.readInt32LE(learner + 8);
  const targets = bytes.readUInt32LE(learner + 28);
  const version = [bytes.readUInt32LE(learner + 20), bytes.readUInt32LE(learner + 24), 0] as const;
  const objective = reader.name();
  const booster = boosterOf(reader, reader.name());
  const hasAttributes = bytes.readInt32LE(learner + 12) !== 0;
  return {
    version,
    objective,
    features: bytes.readUInt32LE(learner + 4),
    classes: Math.max(0, classes),
    outputs: Math.max(1, classes, targets),
    // Before 1.0 the base score was saved as it is added, and no version was.
    baseScore: { values: [bytes.readFloatLE(learner)], isMargin: version[0] < 1 },
    booster,
    attributes: hasAttributes ? reader.texts() : new Map(),
  };
}

function boosterOf(reader: BinaryReader, name: string): TreeBooster | LinearBooster {
  switch (name) {
    case "gbtree":
      return forestOf(reader);
    case "dart": {
      const forest = forestOf(reader);
      return { ...forest, weights: forest.trees.length === 0 ? [] : reader.floats() };
    }
    case "gblinear":
      reader.take(linearSize);
      return { kind: "linear", weights: reader.floats() };
    default:
      throw notAModel();
  }
}

function forestOf(reader: BinaryReader): TreeBooster {
  const { bytes } = reader;
  const parameters = reader.take(forestSize);
  const count = bytes.readInt32LE(parameters);
  if (count < 0) throw new ModelFileError(`it has ${count} trees`);
  const trees: FileTree[] = [];
  while (trees.length < count) trees.push(treeOf(reader, trees.length));
  return {
    kind: "trees",
    trees,
    outputOf: reader.numbers(count, 4, (at) => bytes.readInt32LE(at)),
    parallelTrees: Math.max(1, bytes.readInt32LE(parameters + 4)),
  };
}

function treeOf(reader: BinaryReader, id: number): FileTree {
  const { bytes } = reader;
  const parameters = reader.take(treeSize);
  const nodes = bytes.readInt32LE(parameters + 4);
  if (nodes < 1) throw new ModelFileError(`tree ${id} has ${nodes} nodes`);
  const width = bytes.readInt32LE(parameters + 20);
  if (width > 1) throw new UnscoredModelError(`leaves of ${width} numbers in the binary format`);
  const begin = reader.take(nodes * (nodeSize + statisticsSize));
  const column = (offset: number, read: (at: number) => number) =>
    Array.from({ length: nodes }, (_, node) => read(begin + node * nodeSize + offset));
  const split = column(12, (at) => bytes.readUInt32LE(at));
  return {
    nodes,
    left: column(4, (at) => bytes.readInt32LE(at)),
    right: column(8, (at) => bytes.readInt32LE(at)),
    feature: split.map((word) => word & 0x7fffffff),
    condition: column(16, (at) => bytes.readFloatLE(at)),
    defaultLeft: split.map((word) => word >>> 31),
    categories: new Map(),
  };
}

class BinaryReader {
  readonly bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  /** Goes past some bytes. @returns Where they begin. */
  take(count: number): number {
    const begin = this.#at;
    if (count > this.bytes.length - begin) {
      throw new ModelFileError(`it ends after ${this.bytes.length} bytes, within a model: is the file whole?`);
    }
    this.#at += count;
    return begin;
  }

  numbers(count: number, size: number, read: (at: number) => number): number[] {
    const begin = this.take(count * size);
    return Array.from({ length: count }, (_, i) => read(begin + i * size));
  }

  floats(): number[] {
    return this.numbers(this.#length(), 4, (at) => this.bytes.readFloatLE(at));
  }

  /** The name of an objective or of a booster, by which a model is told from any other file. */
  name(): string {
    const length = this.#length();
    if (length === 0 || length > maxName) throw notAModel();
    const name = this.#text(length);
    if (!/^[a-z][\w:]*$/.test(name)) throw notAModel();
    return name;
  }

  /** Pairs of texts. */
  texts(): ReadonlyMap<string, string> {
    const count = this.#length();
    const texts = new Map<string, string>();
    for (let i = 0; i < count; i++) texts.set(this.#text(this.#length()), this.#text(this.#length()));
    return texts;
  }

  #text(length: number): string {
    const begin = this.take(length);
    return this.bytes.toString("utf8", begin, begin + length);
  }

  #length(): number {
    return Number(this.bytes.readBigUInt64LE(this.take(8)));
  }
}
