/**
 * Sums of trees over dense rows, without branches that a processor would have to guess: eight walks at a time, each for as many
 * steps as the deepest of them needs, and a leaf leads to itself.
 *
 * A node is four words: the feature's place in a row in bytes, plus 1 where missing values go left; the value below which rows go left, or
 * what a leaf adds; the left child's address; how much further the right child is (0 in a leaf, whose left child is itself).
 * sum-trees.ts is the twin; forest-kernel.ts lays the memory out.
 */

// @ts-ignore: decorator
@inline
function next(node: usize, row: usize): usize {
  const split = load<u32>(node);
  const value = load<f32>(row + (split & 0xfffffffc));
  const isLeft = u32(value < load<f32>(node, 4)) | (u32(value != value) & split & 1);
  return load<u32>(node, 8) + select<u32>(0, load<u32>(node, 12), isLeft);
}

/** Whether none of some nodes leads further. */
// @ts-ignore: decorator
@inline
function ended(a: usize, b: usize, c: usize, d: usize): bool {
  return (load<u32>(a, 12) | load<u32>(b, 12) | load<u32>(c, 12) | load<u32>(d, 12)) == 0;
}

// @ts-ignore: decorator
@inline
function add(sum: usize, node: usize): void {
  store<f32>(sum, load<f32>(sum) + load<f32>(node, 4));
}

/** One tree over eight rows. */
function addTree(root: usize, depth: i32, row: usize, stride: usize, sum: usize, sumStride: usize): void {
  let a = root, b = root, c = root, d = root, e = root, f = root, g = root, h = root;
  const row2 = row + (stride << 1);
  const row4 = row + (stride << 2);
  const row6 = row4 + (stride << 1);
  for (let level = 0; level < depth; level++) {
    a = next(a, row);
    b = next(b, row + stride);
    c = next(c, row2);
    d = next(d, row2 + stride);
    e = next(e, row4);
    f = next(f, row4 + stride);
    g = next(g, row6);
    h = next(h, row6 + stride);
    // In lopsided trees few rows go deep.
    if ((level & 7) == 7 && ended(a, b, c, d) && ended(e, f, g, h)) break;
  }
  add(sum, a);
  add(sum + sumStride, b);
  sum += sumStride << 1;
  add(sum, c);
  add(sum + sumStride, d);
  sum += sumStride << 1;
  add(sum, e);
  add(sum + sumStride, f);
  sum += sumStride << 1;
  add(sum, g);
  add(sum + sumStride, h);
}

/** All trees over one row, eight trees at a time; what they add is added in their order. */
function addRow(trees: usize, count: i32, row: usize, sums: usize): void {
  let at = trees;
  let left = count;
  for (; left >= 8; left -= 8) {
    let a: usize = load<u32>(at), b: usize = load<u32>(at, 12), c: usize = load<u32>(at, 24), d: usize = load<u32>(at, 36);
    let e: usize = load<u32>(at, 48), f: usize = load<u32>(at, 60), g: usize = load<u32>(at, 72), h: usize = load<u32>(at, 84);
    for (let level = 0; ; level++) {
      if ((level & 1) == 0 && ended(a, b, c, d) && ended(e, f, g, h)) break;
      a = next(a, row);
      b = next(b, row);
      c = next(c, row);
      d = next(d, row);
      e = next(e, row);
      f = next(f, row);
      g = next(g, row);
      h = next(h, row);
    }
    add(sums + load<u32>(at, 8), a);
    add(sums + load<u32>(at, 20), b);
    add(sums + load<u32>(at, 32), c);
    add(sums + load<u32>(at, 44), d);
    add(sums + load<u32>(at, 56), e);
    add(sums + load<u32>(at, 68), f);
    add(sums + load<u32>(at, 80), g);
    add(sums + load<u32>(at, 92), h);
    at += 96;
  }
  for (; left > 0; left--) {
    let node: usize = load<u32>(at);
    while (load<u32>(node, 12) != 0) node = next(node, row);
    add(sums + load<u32>(at, 8), node);
    at += 12;
  }
}

/**
 * Adds to the sums of rows what their leaves hold.
 * @param trees - Three words each: the root's address, the depth, the output's place in a row's sums in bytes.
 * @param stride - Bytes from row to row; `sumStride` the same of their sums.
 */
export function sumTrees(
  trees: usize,
  treeCount: i32,
  rows: usize,
  stride: usize,
  count: i32,
  sums: usize,
  sumStride: usize,
): void {
  const eights = count & ~7;
  // Rows that go through a tree before the next one's turn: they stay in the first cache, and so does the tree.
  for (let begin = 0; begin < eights; begin += 64) {
    const end = min(eights, begin + 64);
    for (let t = 0; t < treeCount; t++) {
      const tree = trees + <usize>t * 12;
      for (let row = begin; row < end; row += 8) {
        addTree(
          load<u32>(tree),
          load<i32>(tree, 4),
          rows + <usize>row * stride,
          stride,
          sums + <usize>row * sumStride + load<u32>(tree, 8),
          sumStride,
        );
      }
    }
  }
  for (let row = eights; row < count; row++) {
    addRow(trees, treeCount, rows + <usize>row * stride, sums + <usize>row * sumStride);
  }
}
