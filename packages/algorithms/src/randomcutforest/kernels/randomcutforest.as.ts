/**
 * Growing random cut trees and scoring rows with them. Trees go to threads by their number and rows by their place, and
 * the scores of a row are added in the order of trees: any number of threads gives the same bits.
 *
 * Points have a stride of a multiple of 4 floats, padded with zeros. A box is a point of least values, then one of
 * greatest. plain-forest.ts is the twin; layout.ts has the offsets of the parameter block and of a node.
 */
import { giveCommand, serveCommands } from "../../numerics/parts/threads.as";

// Offsets in the parameter block, which layout.ts has too.
const P_POINTS: usize = 0;
const P_STRIDE: usize = 4;
const P_TREES: usize = 8;
const P_SAMPLES: usize = 12;
const P_ORDER: usize = 16;
const P_UNIFORMS: usize = 20;
const P_NODES: usize = 24;
const P_COUNTS: usize = 28;
const P_BOXES: usize = 32;
const P_LOGARITHMS: usize = 36;
const P_X: usize = 40;
const P_ROWS: usize = 44;
const P_SCORES: usize = 48;
const P_TREE: usize = 52;

// A node.
const NODE: usize = 32;
const N_DIMENSION: usize = 0;
const N_CUT: usize = 4;
const N_RIGHT: usize = 8;
const N_MASS: usize = 12;
const N_PLACE: usize = 16;
const N_SIDES: usize = 24;

/** Rows that a thread takes at a time, so that a tree stays in the first cache while they go through it. */
const CHUNK: i32 = 32;

// @ts-ignore: decorator
@inline
function param(p: usize, offset: usize): i32 {
  return load<i32>(p + offset);
}

/** Room for a thread's tree. */
const TREE: usize = 64;

/** The tree that a thread is at. */
@unmanaged class Tree {
  points: usize = 0;
  strideBytes: usize = 0;
  /** Of this tree: which points it has. */
  order: usize = 0;
  uniforms: usize = 0;
  nodes: usize = 0;
  boxes: usize = 0;
  nodeCount: i32 = 0;
  boxCount: i32 = 0;

  // @ts-ignore: decorator
  @inline
  point(place: i32): usize {
    return this.points + <usize>load<i32>(this.order + (<usize>place << 2)) * this.strideBytes;
  }

  // @ts-ignore: decorator
  @inline
  box(index: i32): usize {
    return this.boxes + ((<usize>index * this.strideBytes) << 1);
  }

  leaf(node: usize, begin: i32, count: i32): void {
    store<i32>(node, -1, N_DIMENSION);
    store<i32>(node, count, N_MASS);
    store<i32>(node, begin, N_PLACE);
  }

  /** Grows the subtree of the points [begin, begin + count). */
  grow(begin: i32, count: i32): void {
    const node = this.nodes + <usize>this.nodeCount * NODE;
    this.nodeCount++;
    if (count == 1) {
      this.leaf(node, begin, 1);
      return;
    }
    const index = this.boxCount;
    const low = this.box(index);
    const high = low + this.strideBytes;
    this.measure(begin, count, low, high);
    const sides = sumOfSides(low, high, this.strideBytes);
    if (sides == 0) {
      this.leaf(node, begin, count); // points that are all the same
      return;
    }
    this.boxCount++;
    const draws = this.uniforms + (<usize>index << 4);
    let left = load<f64>(draws) * sides;
    let dimension = 0;
    for (let o: usize = 0; o < this.strideBytes; o += 4) {
      const side = <f64>load<f32>(high + o) - <f64>load<f32>(low + o);
      if (side == 0) continue;
      dimension = <i32>(o >> 2);
      left -= side;
      if (left < 0) break; // otherwise rounding left a little over, and it is the last side
    }
    const at = <usize>dimension << 2;
    const least = load<f32>(low + at);
    const most = load<f32>(high + at);
    let cut = <f32>(<f64>least + load<f64>(draws, 8) * (<f64>most - <f64>least));
    if (cut >= most) cut = least; // rounded up to where nothing would be right of it
    store<i32>(node, dimension, N_DIMENSION);
    store<f32>(node, cut, N_CUT);
    store<i32>(node, count, N_MASS);
    store<i32>(node, index, N_PLACE);
    store<f64>(node, sides, N_SIDES);
    const lefts = this.part(begin, count, at, cut);
    this.grow(begin, lefts);
    store<i32>(node, this.nodeCount, N_RIGHT);
    this.grow(begin + lefts, count - lefts);
  }

  measure(begin: i32, count: i32, low: usize, high: usize): void {
    for (let o: usize = 0; o < this.strideBytes; o += 16) {
      let least = v128.load(this.point(begin) + o);
      let most = least;
      for (let i = begin + 1; i < begin + count; i++) {
        const x = v128.load(this.point(i) + o);
        least = f32x4.min(least, x);
        most = f32x4.max(most, x);
      }
      v128.store(low + o, least);
      v128.store(high + o, most);
    }
  }

  /** Moves points up to the cut before the others. @returns How many those are. */
  part(begin: i32, count: i32, at: usize, cut: f32): i32 {
    let i = begin;
    let j = begin + count - 1;
    while (i <= j) {
      if (load<f32>(this.point(i) + at) <= cut) {
        i++;
        continue;
      }
      const a = this.order + (<usize>i << 2);
      const b = this.order + (<usize>j << 2);
      const moved = load<i32>(a);
      store<i32>(a, load<i32>(b));
      store<i32>(b, moved);
      j--;
    }
    return i - begin;
  }
}

/** In double precision, so that neither many columns nor large numbers lose a side. */
function sumOfSides(low: usize, high: usize, strideBytes: usize): f64 {
  let sum: f64 = 0;
  for (let o: usize = 0; o < strideBytes; o += 4) sum += <f64>load<f32>(high + o) - <f64>load<f32>(low + o);
  return sum;
}

function openTree(p: usize, tree: Tree, t: i32): void {
  const samples = <usize>param(p, P_SAMPLES);
  const index = <usize>t;
  tree.points = <usize>param(p, P_POINTS);
  tree.strideBytes = <usize>param(p, P_STRIDE) << 2;
  tree.order = <usize>param(p, P_ORDER) + ((index * samples) << 2);
  tree.uniforms = <usize>param(p, P_UNIFORMS) + ((index * (samples - 1)) << 4);
  tree.nodes = <usize>param(p, P_NODES) + index * (2 * samples - 1) * NODE;
  tree.boxes = <usize>param(p, P_BOXES) + ((index * (samples - 1) * tree.strideBytes) << 1);
  tree.nodeCount = 0;
  tree.boxCount = 0;
}

function buildSlice(p: usize, tree: Tree, thread: i32, threads: i32): void {
  for (let t = thread; t < param(p, P_TREES); t += threads) {
    openTree(p, tree, t);
    tree.grow(0, param(p, P_SAMPLES));
    store<i32>(<usize>param(p, P_COUNTS) + (<usize>t << 2), tree.nodeCount);
  }
}

/** Boxes of trees that were read from a model. Children come after their parents, so from the end. */
function measureSlice(p: usize, tree: Tree, thread: i32, threads: i32): void {
  for (let t = thread; t < param(p, P_TREES); t += threads) {
    openTree(p, tree, t);
    const strideBytes = tree.strideBytes;
    for (let n = load<i32>(<usize>param(p, P_COUNTS) + (<usize>t << 2)) - 1; n >= 0; n--) {
      const node = tree.nodes + <usize>n * NODE;
      if (load<i32>(node, N_DIMENSION) < 0) continue;
      const low = tree.box(load<i32>(node, N_PLACE));
      const high = low + strideBytes;
      const a = node + NODE;
      const b = tree.nodes + <usize>load<i32>(node, N_RIGHT) * NODE;
      const lowA = lowOf(tree, a);
      const lowB = lowOf(tree, b);
      const highA = highOf(tree, a);
      const highB = highOf(tree, b);
      for (let o: usize = 0; o < strideBytes; o += 16) {
        v128.store(low + o, f32x4.min(v128.load(lowA + o), v128.load(lowB + o)));
        v128.store(high + o, f32x4.max(v128.load(highA + o), v128.load(highB + o)));
      }
      store<f64>(node, sumOfSides(low, high, strideBytes), N_SIDES);
    }
  }
}

function lowOf(tree: Tree, node: usize): usize {
  const place = load<i32>(node, N_PLACE);
  return load<i32>(node, N_DIMENSION) < 0 ? tree.point(place) : tree.box(place);
}

function highOf(tree: Tree, node: usize): usize {
  const place = load<i32>(node, N_PLACE);
  return load<i32>(node, N_DIMENSION) < 0 ? tree.point(place) : tree.box(place) + tree.strideBytes;
}

/** How much the sides of a box would grow to take a row in. */
// @ts-ignore: decorator
@inline
function growth(x: usize, low: usize, high: usize, strideBytes: usize): f64 {
  const zero = f32x4.splat(0);
  let sum = zero;
  for (let o: usize = 0; o < strideBytes; o += 16) {
    const v = v128.load(x + o);
    const below = f32x4.max(f32x4.sub(v128.load(low + o), v), zero);
    const above = f32x4.max(f32x4.sub(v, v128.load(high + o)), zero);
    sum = f32x4.add(sum, f32x4.add(below, above));
  }
  return (
    <f64>f32x4.extract_lane(sum, 0) +
    <f64>f32x4.extract_lane(sum, 2) +
    (<f64>f32x4.extract_lane(sum, 1) + <f64>f32x4.extract_lane(sum, 3))
  );
}

function isEqual(x: usize, y: usize, strideBytes: usize): bool {
  for (let o: usize = 0; o < strideBytes; o += 16) {
    if (!i32x4.all_true(f32x4.eq(v128.load(x + o), v128.load(y + o)))) return false;
  }
  return true;
}

/** Expected score of a row in one tree, before the factor for the tree's size. */
function scoreIn(tree: Tree, x: usize, logarithms: usize, samples: i32): f64 {
  const strideBytes = tree.strideBytes;
  let node = tree.nodes;
  let score: f64 = 0;
  let left: f64 = 1; // probability that no cut so far came between the row and all points below the node
  let depth: f64 = 0;
  while (true) {
    const dimension = load<i32>(node, N_DIMENSION);
    const place = load<i32>(node, N_PLACE);
    if (dimension < 0) {
      const mass = load<i32>(node, N_MASS);
      if (!isEqual(x, tree.point(place), strideBytes)) return score + left / (depth + 1);
      const damping = 1 - <f64>mass / (2 * <f64>samples);
      return score + (left * damping) / (depth + load<f64>(logarithms + (<usize>mass << 3)));
    }
    const low = tree.box(place);
    const grown = growth(x, low, low + strideBytes, strideBytes);
    if (grown != 0) {
      // So far away that single precision has no number for it.
      if (grown == Infinity) return score + left / (depth + 1);
      const cutOff = grown / (grown + load<f64>(node, N_SIDES));
      score += (left * cutOff) / (depth + 1);
      left *= 1 - cutOff;
    }
    const isLeft = load<f32>(x + (<usize>dimension << 2)) <= load<f32>(node, N_CUT);
    node = isLeft ? node + NODE : tree.nodes + <usize>load<i32>(node, N_RIGHT) * NODE;
    depth += 1;
  }
}

function scoreSlice(p: usize, tree: Tree, thread: i32, threads: i32): void {
  const rows = param(p, P_ROWS);
  const trees = param(p, P_TREES);
  const samples = param(p, P_SAMPLES);
  const logarithms = <usize>param(p, P_LOGARITHMS);
  const scale = load<f64>(logarithms + (<usize>samples << 3)) / <f64>trees;
  for (let first = thread * CHUNK; first < rows; first += threads * CHUNK) {
    const end = min(first + CHUNK, rows);
    const scores = <usize>param(p, P_SCORES);
    for (let i = first; i < end; i++) store<f64>(scores + (<usize>i << 3), 0);
    for (let t = 0; t < trees; t++) {
      openTree(p, tree, t);
      for (let i = first; i < end; i++) {
        const at = scores + (<usize>i << 3);
        const x = <usize>param(p, P_X) + <usize>i * tree.strideBytes;
        store<f64>(at, load<f64>(at) + scoreIn(tree, x, logarithms, samples));
      }
    }
    for (let i = first; i < end; i++) {
      const at = scores + (<usize>i << 3);
      store<f64>(at, load<f64>(at) * scale);
    }
  }
}

function dispatch(control: usize, kind: i32, argument: usize, thread: i32, threads: i32): void {
  const tree = changetype<Tree>(<usize>param(argument, P_TREE) + <usize>thread * TREE);
  if (kind == 1) buildSlice(argument, tree, thread, threads);
  else if (kind == 2) measureSlice(argument, tree, thread, threads);
  else scoreSlice(argument, tree, thread, threads);
}

/** A worker's whole life. */
export function serve(control: usize, thread: i32, threads: i32, seen: i32): void {
  serveCommands(control, thread, threads, seen, dispatch);
}

/** Runs a command on all threads: 1 grows trees, 2 measures their boxes, 3 scores rows. */
export function command(control: usize, kind: i32, argument: usize, threads: i32): void {
  giveCommand(control, kind, argument, threads, dispatch);
}
