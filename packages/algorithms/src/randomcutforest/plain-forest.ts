import { type Forest, type ForestSize, type ScoreArea, strideOf, type Trees } from "./forest.ts";
import { node } from "./kernels/layout.ts";
import { logarithms } from "./logarithms.ts";

/** Twin of randomcutforest.as.ts in plain TypeScript, and its stand-in where the kernel was not built. */
export class PlainForest implements Forest {
  readonly stride: number;
  #points = new Float32Array();
  #trees = emptyTrees({ trees: 0, samples: 1 });
  /** The memory of the nodes, for sums of sides. */
  #sides: Float64Array = new Float64Array();
  /** Shape (trees, samples - 1, 2, stride): least values, then greatest. */
  #boxes = new Float32Array();
  #logarithms: Float64Array = new Float64Array();

  constructor(width: number) {
    this.stride = strideOf(width);
  }

  points(count: number): Float32Array {
    this.#points = new Float32Array(count * this.stride);
    return this.#points;
  }

  plant(size: ForestSize): Trees {
    this.#trees = emptyTrees(size);
    this.#sides = new Float64Array(this.#trees.nodes.buffer);
    this.#boxes = new Float32Array(size.trees * (size.samples - 1) * 2 * this.stride);
    this.#logarithms = logarithms(size.samples);
    return this.#trees;
  }

  grow(uniforms: Float64Array): void {
    const { trees, samples, counts } = this.#trees;
    for (let t = 0; t < trees; t++) {
      const made = { tree: t, uniforms, nodes: 0, boxes: 0 };
      this.#grow(made, 0, samples);
      counts[t] = made.nodes;
    }
  }

  measure(): void {
    const { trees, counts, nodes } = this.#trees;
    for (let t = 0; t < trees; t++) {
      for (let n = (counts[t] as number) - 1; n >= 0; n--) {
        const at = this.#node(t, n);
        if ((nodes[at + node.dimension] as number) < 0) continue;
        const low = this.#box(t, nodes[at + node.place] as number);
        const a = this.#boundsOf(t, n + 1);
        const b = this.#boundsOf(t, nodes[at + node.right] as number);
        for (let j = 0; j < this.stride; j++) {
          this.#boxes[low + j] = Math.min(a.low(j), b.low(j));
          this.#boxes[low + this.stride + j] = Math.max(a.high(j), b.high(j));
        }
        this.#sides[at / 2 + node.sides] = this.#sumOfSides(low);
      }
    }
  }

  area(rows: number): ScoreArea {
    return { values: new Float32Array(rows * this.stride), scores: new Float64Array(rows) };
  }

  score({ values, scores }: ScoreArea, rows: number): void {
    const { trees, samples } = this.#trees;
    for (let i = 0; i < rows; i++) {
      const x = values.subarray(i * this.stride, (i + 1) * this.stride);
      let sum = 0;
      for (let t = 0; t < trees; t++) sum += this.#scoreIn(t, x);
      scores[i] = sum * ((this.#logarithms[samples] as number) / trees);
    }
  }

  async close(): Promise<void> {}

  #grow(made: Made, begin: number, count: number): void {
    const { nodes, cuts } = this.#trees;
    const at = this.#node(made.tree, made.nodes++);
    nodes[at + node.mass] = count;
    const low = this.#box(made.tree, made.boxes);
    const sides = count === 1 ? 0 : this.#enclose(made.tree, begin, count, low);
    if (sides === 0) {
      nodes[at + node.dimension] = -1;
      nodes[at + node.place] = begin;
      return;
    }
    const { dimension, cut } = this.#drawCut(made, low, sides);
    nodes[at + node.dimension] = dimension;
    cuts[at + node.cut] = cut;
    nodes[at + node.place] = made.boxes++;
    this.#sides[at / 2 + node.sides] = sides;
    const lefts = this.#part(made.tree, { begin, count, dimension, cut });
    this.#grow(made, begin, lefts);
    nodes[at + node.right] = made.nodes;
    this.#grow(made, begin + lefts, count - lefts);
  }

  #drawCut({ tree, uniforms, boxes }: Made, low: number, sides: number): { dimension: number; cut: number } {
    const draws = 2 * (tree * (this.#trees.samples - 1) + boxes);
    let left = (uniforms[draws] as number) * sides;
    let dimension = 0;
    for (let j = 0; j < this.stride; j++) {
      const side = this.#side(low, j);
      if (side === 0) continue;
      dimension = j;
      left -= side;
      if (left < 0) break; // otherwise rounding left a little over, and it is the last side
    }
    const least = this.#boxes[low + dimension] as number;
    const most = this.#boxes[low + this.stride + dimension] as number;
    const cut = Math.fround(least + (uniforms[draws + 1] as number) * (most - least));
    return { dimension, cut: cut >= most ? least : cut };
  }

  /** Writes the box of points. @returns What its sides add up to. */
  #enclose(tree: number, begin: number, count: number, low: number): number {
    const high = low + this.stride;
    for (let j = 0; j < this.stride; j++) {
      let least = Number.POSITIVE_INFINITY;
      let most = Number.NEGATIVE_INFINITY;
      for (let i = begin; i < begin + count; i++) {
        const value = this.#points[this.#point(tree, i) + j] as number;
        least = Math.min(least, value);
        most = Math.max(most, value);
      }
      this.#boxes[low + j] = least;
      this.#boxes[high + j] = most;
    }
    return this.#sumOfSides(low);
  }

  #part(tree: number, { begin, count, dimension, cut }: Part): number {
    const { order, samples } = this.#trees;
    const first = tree * samples;
    let i = begin;
    let j = begin + count - 1;
    while (i <= j) {
      if ((this.#points[this.#point(tree, i) + dimension] as number) <= cut) {
        i++;
        continue;
      }
      const moved = order[first + i] as number;
      order[first + i] = order[first + j] as number;
      order[first + j] = moved;
      j--;
    }
    return i - begin;
  }

  #scoreIn(tree: number, x: Float32Array): number {
    const { nodes, cuts, samples } = this.#trees;
    let score = 0;
    let left = 1;
    let n = 0;
    for (let depth = 0; ; depth++) {
      const at = this.#node(tree, n);
      const dimension = nodes[at + node.dimension] as number;
      const place = nodes[at + node.place] as number;
      if (dimension < 0) {
        const mass = nodes[at + node.mass] as number;
        const point = this.#point(tree, place);
        if (x.some((value, j) => value !== this.#points[point + j])) return score + left / (depth + 1);
        return score + (left * (1 - mass / (2 * samples))) / (depth + (this.#logarithms[mass] as number));
      }
      const low = this.#box(tree, place);
      const grown = this.#growth(x, low);
      if (grown !== 0) {
        if (grown === Number.POSITIVE_INFINITY) return score + left / (depth + 1);
        const cutOff = grown / (grown + (this.#sides[at / 2 + node.sides] as number));
        score += (left * cutOff) / (depth + 1);
        left *= 1 - cutOff;
      }
      const isLeft = (x[dimension] as number) <= (cuts[at + node.cut] as number);
      n = isLeft ? n + 1 : (nodes[at + node.right] as number);
    }
  }

  #growth(x: Float32Array, low: number): number {
    let sum = 0;
    for (let j = 0; j < this.stride; j++) {
      const value = x[j] as number;
      sum += Math.fround(Math.max((this.#boxes[low + j] as number) - value, 0));
      sum += Math.fround(Math.max(value - (this.#boxes[low + this.stride + j] as number), 0));
    }
    return sum;
  }

  #sumOfSides(low: number): number {
    let sum = 0;
    for (let j = 0; j < this.stride; j++) sum += this.#side(low, j);
    return sum;
  }

  #side(low: number, j: number): number {
    return (this.#boxes[low + this.stride + j] as number) - (this.#boxes[low + j] as number);
  }

  /** The box of a node; of a leaf, its point. */
  #boundsOf(tree: number, n: number): { low(j: number): number; high(j: number): number } {
    const { nodes } = this.#trees;
    const at = this.#node(tree, n);
    const place = nodes[at + node.place] as number;
    if ((nodes[at + node.dimension] as number) < 0) {
      const value = (j: number) => this.#points[this.#point(tree, place) + j] as number;
      return { low: value, high: value };
    }
    const low = this.#box(tree, place);
    return {
      low: (j) => this.#boxes[low + j] as number,
      high: (j) => this.#boxes[low + this.stride + j] as number,
    };
  }

  #node(tree: number, n: number): number {
    return (tree * (2 * this.#trees.samples - 1) + n) * node.size;
  }

  #point(tree: number, place: number): number {
    return (this.#trees.order[tree * this.#trees.samples + place] as number) * this.stride;
  }

  #box(tree: number, index: number): number {
    return (tree * (this.#trees.samples - 1) + index) * 2 * this.stride;
  }
}

/** A tree while it grows. */
interface Made {
  readonly tree: number;
  readonly uniforms: Float64Array;
  nodes: number;
  boxes: number;
}

interface Part {
  readonly begin: number;
  readonly count: number;
  readonly dimension: number;
  readonly cut: number;
}

function emptyTrees({ trees, samples }: ForestSize): Trees {
  const nodes = new Int32Array(trees * (2 * samples - 1) * node.size);
  return {
    trees,
    samples,
    order: new Int32Array(trees * samples),
    nodes,
    cuts: new Float32Array(nodes.buffer),
    counts: new Int32Array(trees),
  };
}
