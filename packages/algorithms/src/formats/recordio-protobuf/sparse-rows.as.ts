// AssemblyScript: compiled to .build/sparse-rows.wasm by scripts/setup/kernels.mjs. Twin: plain-row.ts and table-builder.ts.
// Sparse records in their usual form: one features tensor of packed float32 under the key `values`, with packed keys in
// ascending order and a shape, and one label of the same kind. At anything else it stops, and the twin reads the block,
// which knows every form and every message.

const MAGIC: u32 = 0xced7230a;
/** `values` behind its tag and length. */
const KEY: u64 = 0x7365756c6176060a; // 0a 06 v a l u e s
const KEY_BYTES: usize = 8;

// Tags: field number x 8 + wire type 2.
const FEATURES: u32 = 0x0a;
const LABEL: u32 = 0x12;
const CONFIGURATION: u32 = 0x2a;
const ENTRY_VALUE: u8 = 0x12;
const FLOAT32: u8 = 0x12;
const VALUES: u8 = 0x0a;
const KEYS: u8 = 0x12;
const SHAPE: u8 = 0x1a;

/** No number: cut off, or of more than 32 bits. */
const NONE: u64 = 0xffffffffffffffff;

/** Where the last varint ended. */
let next: usize = 0;
/** Entries so far, and whether a record is done. */
let entries: u32 = 0;
let hasFeatures: bool = false;
let hasLabel: bool = false;

// @ts-ignore: decorator
@inline
function varint(at: usize, end: usize): u64 {
  let value: u64 = 0;
  for (let shift: u64 = 0; shift < 35; shift += 7) {
    if (at >= end) return NONE;
    const byte = load<u8>(at++);
    value |= <u64>(byte & 0x7f) << shift;
    if (byte < 0x80) {
      next = at;
      return value > 0xffffffff ? NONE : value;
    }
  }
  return NONE;
}

/** The length behind a tag: of what lies in [next, end), all of it or less. @returns Where it ends, or 0. */
// @ts-ignore: decorator
@inline
function delimited(at: usize, end: usize): usize {
  const length = varint(at, end);
  if (length == NONE || length > <u64>(end - next)) return 0;
  return next + <usize>length;
}

/** Goes into a map entry of key `values` that holds a float32 tensor and nothing else. @returns Where that begins, or 0. */
// @ts-ignore: decorator
@inline
function tensor(begin: usize, end: usize): usize {
  if (end - begin < KEY_BYTES + 4 || load<u64>(begin) != KEY) return 0;
  let at = begin + KEY_BYTES;
  if (load<u8>(at) != ENTRY_VALUE || delimited(at + 1, end) != end) return 0;
  at = next;
  if (at >= end || load<u8>(at) != FLOAT32 || delimited(at + 1, end) != end) return 0;
  return next;
}

/** @returns Whether the features were read: sparse, of this width, keys ascending. */
function readFeatures(begin: usize, end: usize, width: u32, columns: usize, values: usize): bool {
  let at = tensor(begin, end);
  if (at == 0 || hasFeatures) return false;
  hasFeatures = true;
  let count: u32 = 0;
  if (at < end && load<u8>(at) == VALUES) {
    const to = delimited(at + 1, end);
    if (to == 0 || ((to - next) & 3) != 0) return false;
    count = <u32>((to - next) >> 2);
    memory.copy(values + (<usize>entries << 2), next, to - next);
    at = to;
  }
  if (at < end && load<u8>(at) == KEYS) {
    const to = delimited(at + 1, end);
    if (to == 0) return false;
    at = next;
    let target = columns + (<usize>entries << 2);
    let least: u64 = 0; // what the next key must not be below
    for (let i: u32 = 0; i < count; i++) {
      const key = varint(at, to);
      if (key < least || key >= <u64>width) return false;
      store<u32>(target, <u32>key);
      target += 4;
      least = key + 1;
      at = next;
    }
    if (at != to) return false;
  } else if (count > 0) return false;
  if (at >= end || load<u8>(at) != SHAPE) return false;
  if (delimited(at + 1, end) != end) return false;
  if (varint(next, end) != <u64>width || next != end) return false;
  entries += count;
  return true;
}

/** @returns Whether the label was read. */
function readLabel(begin: usize, end: usize, labels: usize, labelWidth: u32): bool {
  const at = tensor(begin, end);
  if (at == 0 || hasLabel || at >= end || load<u8>(at) != VALUES) return false;
  hasLabel = true;
  const wanted = <usize>labelWidth << 2;
  if (delimited(at + 1, end) != end || ((end - next) & 3) != 0 || end - next < wanted) return false;
  memory.copy(labels, next, wanted);
  return true;
}

/**
 * Reads the frames in [begin, end). There must be room for as many entries and rows as the bytes can hold.
 * @param offsets - f64, one more than rows.
 * @returns The number of rows, or -1 where one has another form; `offsets` says how many entries there are.
 */
export function parseRows(
  begin: usize, end: usize, width: u32, labelWidth: u32, labels: usize, offsets: usize, columns: usize, values: usize,
): i32 {
  entries = 0;
  let rows: i32 = 0;
  store<f64>(offsets, 0);
  for (let at = begin; at < end; ) {
    if (end - at < 8 || load<u32>(at) != MAGIC) return -1;
    const length = <usize>load<u32>(at, 4);
    at += 8;
    if (length > end - at) return -1;
    const to = at + length;
    hasFeatures = false;
    hasLabel = false;
    while (at < to) {
      const tag = <u32>load<u8>(at);
      if (tag > CONFIGURATION || (tag & 7) != 2) return -1;
      const fieldEnd = delimited(at + 1, to);
      if (fieldEnd == 0) return -1;
      if (tag == FEATURES) {
        if (!readFeatures(next, fieldEnd, width, columns, values)) return -1;
      } else if (tag == LABEL) {
        if (!readLabel(next, fieldEnd, labels + <usize>rows * (<usize>labelWidth << 2), labelWidth)) return -1;
      }
      at = fieldEnd;
    }
    if (!hasFeatures || (!hasLabel && labelWidth > 0)) return -1;
    rows++;
    store<f64>(offsets + (<usize>rows << 3), <f64>entries);
    at = (to + 3) & ~3; // frames begin at multiples of 4, as the memory of a block does
  }
  return rows;
}
