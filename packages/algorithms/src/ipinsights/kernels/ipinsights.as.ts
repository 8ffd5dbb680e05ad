/**
 * A mini-batch of IP Insights: encodes addresses, compares them with entities, and moves both by Adam's rule.
 *
 * Everything has a stride of a multiple of 8 floats; what is beyond the width is zero, and stays so. Each phase deals its
 * work to threads so that every sum is added by one thread in the order of rows: any number of threads gives the same
 * bits. plain-network.ts is the twin; layout.ts has the offsets of the parameter block.
 */
import { barrier, giveCommand, serveCommands } from "../../numerics/parts/threads.as";
import { madd } from "../../numerics/parts/vectors.as";

// Offsets in the parameter block, which layout.ts has too.
const P_ROWS: usize = 0;
const P_RANDOMS: usize = 4;
const P_SHUFFLES: usize = 8;
const P_STRIDE: usize = 12;
const P_LAYERS: usize = 16;
const P_ENTITIES: usize = 20;
const P_TABLE: usize = 24;
const P_ENTITY_OF: usize = 28;
const P_GROUPS: usize = 32;
const P_GROUP_ROWS: usize = 36;
const P_ADDRESSES: usize = 40;
const P_OFFSETS: usize = 44;
const P_OCTETS: usize = 48;
const P_OCTET_GRADIENTS: usize = 52;
const P_HIDDEN: usize = 56;
const P_DELTAS: usize = 60;
const P_SLOPES: usize = 64;
const P_LOSSES: usize = 68;
const P_HITS: usize = 72;
const P_WEIGHTS: usize = 76;
const P_GRADIENTS: usize = 80;
const P_FIRSTS: usize = 84;
const P_SECONDS: usize = 88;
const P_TRANSPOSED: usize = 92;
const P_SCORES: usize = 96;
const P_RATE: usize = 100;
const P_DECAY: usize = 104;
const P_CORRECTION: usize = 108;

/** Adam's constants (Kingma and Ba 2015). */
const BETA1: f32 = 0.9;
const BETA2: f32 = 0.999;
const EPSILON: f32 = 1e-8;

/** Rows that stay in the second cache while weights' gradients go over them. */
const CHUNK: i32 = 128;

// @ts-ignore: decorator
@inline
function param(p: usize, offset: usize): i32 {
  return load<i32>(p + offset);
}

// @ts-ignore: decorator
@inline
function address(p: usize, offset: usize): usize {
  return <usize>load<u32>(p + offset);
}

// @ts-ignore: decorator
@inline
function bytesOfStride(p: usize): usize {
  return <usize>param(p, P_STRIDE) << 2;
}

/** Addresses that are encoded: those of rows, and random ones. */
function encodings(p: usize): i32 {
  return param(p, P_ROWS) * (1 + param(p, P_RANDOMS));
}

/** Where the weights of a layer begin, counted from 1; layer 0 are the bits. */
function layerAt(base: usize, layer: i32, strideBytes: usize): usize {
  const stride = strideBytes >> 2;
  return base + 33 * strideBytes + <usize>(layer - 1) * (stride + 1) * strideBytes;
}

function hiddenAt(p: usize, layer: i32, n: usize): usize {
  return address(p, P_HIDDEN) + <usize>layer * n * bytesOfStride(p);
}

// @ts-ignore: decorator
@inline
function total(v: v128): f32 {
  return (
    f32x4.extract_lane(v, 0) + f32x4.extract_lane(v, 2) + (f32x4.extract_lane(v, 1) + f32x4.extract_lane(v, 3))
  );
}

// @ts-ignore: decorator
@inline
function dot(a: usize, b: usize, strideBytes: usize): f32 {
  let sum = f32x4.splat(0);
  for (let o: usize = 0; o < strideBytes; o += 16) sum = madd(v128.load(a + o), v128.load(b + o), sum);
  return total(sum);
}

/** target += factor * source */
// @ts-ignore: decorator
@inline
function addScaled(target: usize, source: usize, factor: f32, strideBytes: usize): void {
  const f = f32x4.splat(factor);
  for (let o: usize = 0; o < strideBytes; o += 16) {
    v128.store(target + o, madd(f, v128.load(source + o), v128.load(target + o)));
  }
}

function clear(at: usize, bytes: usize): void {
  memory.fill(at, 0, bytes);
}

/** What the bits of each octet add up to, a set bit as 1 and another as -1; the bias goes with the first octet. */
function prepareOctets(p: usize, thread: i32, threads: i32): void {
  const strideBytes = bytesOfStride(p);
  const weights = address(p, P_WEIGHTS);
  for (let i = thread; i < 1024; i += threads) {
    const octet = i >> 8;
    const target = address(p, P_OCTETS) + <usize>i * strideBytes;
    clear(target, strideBytes);
    if (octet == 0) addScaled(target, weights + 32 * strideBytes, 1, strideBytes);
    for (let bit = 0; bit < 8; bit++) {
      const sign: f32 = (i >> (7 - bit)) & 1 ? 1 : -1;
      addScaled(target, weights + <usize>(octet * 8 + bit) * strideBytes, sign, strideBytes);
    }
  }
}

function prepareTransposed(p: usize, thread: i32, threads: i32): void {
  const strideBytes = bytesOfStride(p);
  const stride = param(p, P_STRIDE);
  for (let layer = 1; layer <= param(p, P_LAYERS); layer++) {
    const from = layerAt(address(p, P_WEIGHTS), layer, strideBytes);
    const to = address(p, P_TRANSPOSED) + <usize>(layer - 1) * <usize>stride * strideBytes;
    for (let i = thread; i < stride; i += threads) {
      for (let j = 0; j < stride; j++) {
        store<f32>(to + <usize>i * strideBytes + (<usize>j << 2), load<f32>(from + <usize>j * strideBytes + (<usize>i << 2)));
      }
    }
  }
}

/** The first layer of the encodings [begin, end). */
function encodeFirst(p: usize, begin: i32, end: i32, target: usize): void {
  const strideBytes = bytesOfStride(p);
  const octets = address(p, P_OCTETS);
  for (let i = begin; i < end; i++) {
    const ip = load<u32>(address(p, P_ADDRESSES) + (<usize>i << 2));
    const a = octets + <usize>(ip >> 24) * strideBytes;
    const b = octets + <usize>(256 + ((ip >> 16) & 255)) * strideBytes;
    const c = octets + <usize>(512 + ((ip >> 8) & 255)) * strideBytes;
    const d = octets + <usize>(768 + (ip & 255)) * strideBytes;
    const to = target + <usize>i * strideBytes;
    for (let o: usize = 0; o < strideBytes; o += 16) {
      const left = f32x4.add(v128.load(a + o), v128.load(b + o));
      const right = f32x4.add(v128.load(c + o), v128.load(d + o));
      v128.store(to + o, f32x4.add(left, right));
    }
  }
}

/**
 * Rows times a matrix: y = bias + f(x) W for the rows [begin, end), where f cuts negative values off for the way
 * forward. Four rows and eight columns at a time.
 */
// @ts-ignore: decorator
@inline
function multiply(x: usize, w: usize, bias: usize, y: usize, begin: i32, end: i32, strideBytes: usize, cutsOff: bool): void {
  const zero = f32x4.splat(0);
  const last = end - 1;
  for (let i = begin; i < end; i += 4) {
    // Rows past the end repeat the last one, and write what it has.
    const r0 = <usize>i * strideBytes;
    const r1 = <usize>min(i + 1, last) * strideBytes;
    const r2 = <usize>min(i + 2, last) * strideBytes;
    const r3 = <usize>min(i + 3, last) * strideBytes;
    for (let column: usize = 0; column < strideBytes; column += 32) {
      let a0 = bias == 0 ? zero : v128.load(bias + column);
      let b0 = bias == 0 ? zero : v128.load(bias + column, 16);
      let a1 = a0, b1 = b0, a2 = a0, b2 = b0, a3 = a0, b3 = b0;
      let row = w + column;
      for (let k: usize = 0; k < strideBytes; k += 4) {
        const wa = v128.load(row);
        const wb = v128.load(row, 16);
        row += strideBytes;
        let v0 = v128.load32_splat(x + r0 + k);
        let v1 = v128.load32_splat(x + r1 + k);
        let v2 = v128.load32_splat(x + r2 + k);
        let v3 = v128.load32_splat(x + r3 + k);
        if (cutsOff) {
          v0 = f32x4.max(v0, zero);
          v1 = f32x4.max(v1, zero);
          v2 = f32x4.max(v2, zero);
          v3 = f32x4.max(v3, zero);
        }
        a0 = madd(v0, wa, a0);
        b0 = madd(v0, wb, b0);
        a1 = madd(v1, wa, a1);
        b1 = madd(v1, wb, b1);
        a2 = madd(v2, wa, a2);
        b2 = madd(v2, wb, b2);
        a3 = madd(v3, wa, a3);
        b3 = madd(v3, wb, b3);
      }
      v128.store(y + r0 + column, a0);
      v128.store(y + r0 + column, b0, 16);
      v128.store(y + r1 + column, a1);
      v128.store(y + r1 + column, b1, 16);
      v128.store(y + r2 + column, a2);
      v128.store(y + r2 + column, b2, 16);
      v128.store(y + r3 + column, a3);
      v128.store(y + r3 + column, b3, 16);
    }
  }
}

/** All layers of a thread's encodings. */
function encode(p: usize, n: i32, thread: i32, threads: i32): void {
  const strideBytes = bytesOfStride(p);
  const layers = param(p, P_LAYERS);
  for (let begin = thread * CHUNK; begin < n; begin += threads * CHUNK) {
    const end = min(begin + CHUNK, n);
    encodeFirst(p, begin, end, hiddenAt(p, 0, n));
    for (let layer = 1; layer <= layers; layer++) {
      const w = layerAt(address(p, P_WEIGHTS), layer, strideBytes);
      const bias = w + (strideBytes >> 2) * strideBytes;
      multiply(hiddenAt(p, layer - 1, n), w, bias, hiddenAt(p, layer, n), begin, end, strideBytes, true);
    }
  }
}

/** log(1 + exp(z)) without overflow. */
function softplus(z: f64): f64 {
  return z > 0 ? z + Math.log(1 + Math.exp(-z)) : Math.log(1 + Math.exp(z));
}

/** Compares each row's entity with its address, its random ones and its shuffled ones. */
function compare(p: usize, thread: i32, threads: i32): void {
  const rows = param(p, P_ROWS);
  const randoms = param(p, P_RANDOMS);
  const shuffles = param(p, P_SHUFFLES);
  const strideBytes = bytesOfStride(p);
  const n = encodings(p);
  const vectors = hiddenAt(p, param(p, P_LAYERS), n);
  const pairs = 1 + randoms + shuffles;
  const share: f32 = 1 / (<f32>rows * <f32>pairs);
  const slopes = address(p, P_SLOPES);
  for (let first = thread * CHUNK; first < rows; first += threads * CHUNK) {
    for (let i = first; i < min(first + CHUNK, rows); i++) {
      const entity = address(p, P_TABLE) + <usize>load<i32>(address(p, P_ENTITY_OF) + (<usize>i << 2)) * 3 * strideBytes;
      let loss: f64 = 0;
      let hits = 0;
      for (let k = 0; k < pairs; k++) {
        let other = i;
        if (k > randoms) {
          other += load<i32>(address(p, P_OFFSETS) + (<usize>(k - randoms - 1) << 2));
          if (other >= rows) other -= rows;
        } else if (k > 0) other = rows + i * randoms + k - 1;
        const z = <f64>dot(entity, vectors + <usize>other * strideBytes, strideBytes);
        const wanted: f64 = k == 0 ? 1 : 0;
        loss += softplus(k == 0 ? -z : z);
        if (z > 0 == (k == 0)) hits++;
        const slope = <f32>(1 / (1 + Math.exp(-z)) - wanted) * share;
        store<f32>(slopes + (<usize>(k * rows + i) << 2), slope);
      }
      store<f64>(address(p, P_LOSSES) + (<usize>i << 3), loss);
      store<i32>(address(p, P_HITS) + (<usize>i << 2), hits);
    }
  }
}

// @ts-ignore: decorator
@inline
function slopeOf(p: usize, k: i32, i: i32): f32 {
  return load<f32>(address(p, P_SLOPES) + (<usize>(k * param(p, P_ROWS) + i) << 2));
}

// @ts-ignore: decorator
@inline
function entityOfRow(p: usize, i: i32, strideBytes: usize): usize {
  return address(p, P_TABLE) + <usize>load<i32>(address(p, P_ENTITY_OF) + (<usize>i << 2)) * 3 * strideBytes;
}

/** Derivatives by the last layer: what an address was compared with, weighed by slopes. */
function differentiateAddresses(p: usize, delta: usize, thread: i32, threads: i32): void {
  const rows = param(p, P_ROWS);
  const randoms = param(p, P_RANDOMS);
  const shuffles = param(p, P_SHUFFLES);
  const strideBytes = bytesOfStride(p);
  const n = encodings(p);
  for (let first = thread * CHUNK; first < n; first += threads * CHUNK) {
    for (let j = first; j < min(first + CHUNK, n); j++) {
      const target = delta + <usize>j * strideBytes;
      clear(target, strideBytes);
      if (j >= rows) {
        const i = (j - rows) / randoms;
        const k = 1 + (j - rows) % randoms;
        addScaled(target, entityOfRow(p, i, strideBytes), slopeOf(p, k, i), strideBytes);
        continue;
      }
      addScaled(target, entityOfRow(p, j, strideBytes), slopeOf(p, 0, j), strideBytes);
      for (let s = 0; s < shuffles; s++) {
        let i = j - load<i32>(address(p, P_OFFSETS) + (<usize>s << 2));
        if (i < 0) i += rows;
        addScaled(target, entityOfRow(p, i, strideBytes), slopeOf(p, 1 + randoms + s, i), strideBytes);
      }
    }
  }
}

/** Adam's rule for so many bytes of weights, with decay added to the gradient. */
function adam(p: usize, weights: usize, gradients: usize, firsts: usize, seconds: usize, bytes: usize, decay: f32): void {
  const rate = f32x4.splat(load<f32>(p + P_RATE));
  const correction = f32x4.splat(load<f32>(p + P_CORRECTION));
  const decays = f32x4.splat(decay);
  const epsilon = f32x4.splat(EPSILON);
  for (let o: usize = 0; o < bytes; o += 16) {
    const w = v128.load(weights + o);
    const g = madd(decays, w, v128.load(gradients + o));
    const m = madd(f32x4.splat(1 - BETA1), g, f32x4.mul(f32x4.splat(BETA1), v128.load(firsts + o)));
    const v = madd(f32x4.splat(1 - BETA2), f32x4.mul(g, g), f32x4.mul(f32x4.splat(BETA2), v128.load(seconds + o)));
    v128.store(firsts + o, m);
    v128.store(seconds + o, v);
    const size = f32x4.add(f32x4.mul(f32x4.sqrt(v), correction), epsilon);
    v128.store(weights + o, f32x4.sub(w, f32x4.mul(rate, f32x4.div(m, size))));
  }
}

/** Moves entities, each by the sum over its rows, which is made in `scratch`. */
function moveEntities(p: usize, scratch: usize, thread: i32, threads: i32): void {
  const rows = param(p, P_ROWS);
  const randoms = param(p, P_RANDOMS);
  const shuffles = param(p, P_SHUFFLES);
  const strideBytes = bytesOfStride(p);
  const vectors = hiddenAt(p, param(p, P_LAYERS), encodings(p));
  const decay = load<f32>(p + P_DECAY);
  for (let u = thread; u < param(p, P_ENTITIES); u += threads) {
    clear(scratch, strideBytes);
    const end = load<i32>(address(p, P_GROUPS) + (<usize>(u + 1) << 2));
    for (let g = load<i32>(address(p, P_GROUPS) + (<usize>u << 2)); g < end; g++) {
      const i = load<i32>(address(p, P_GROUP_ROWS) + (<usize>g << 2));
      for (let k = 0; k < 1 + randoms + shuffles; k++) {
        let other = i;
        if (k > randoms) {
          other += load<i32>(address(p, P_OFFSETS) + (<usize>(k - randoms - 1) << 2));
          if (other >= rows) other -= rows;
        } else if (k > 0) other = rows + i * randoms + k - 1;
        addScaled(scratch, vectors + <usize>other * strideBytes, slopeOf(p, k, i), strideBytes);
      }
    }
    const row = address(p, P_TABLE) + <usize>u * 3 * strideBytes;
    adam(p, row, scratch, row + strideBytes, row + 2 * strideBytes, strideBytes, decay);
  }
}

/** Gradient of a layer's weights: f(x)^T delta. Four rows of weights and eight columns at a time, and each thread some rows. */
function weightGradients(p: usize, layer: i32, delta: usize, thread: i32, threads: i32): void {
  const strideBytes = bytesOfStride(p);
  const stride = param(p, P_STRIDE);
  const n = encodings(p);
  const x = hiddenAt(p, layer - 1, n);
  const gradients = layerAt(address(p, P_GRADIENTS), layer, strideBytes);
  const zero = f32x4.splat(0);
  for (let row = thread * 4; row < stride; row += threads * 4) clear(gradients + <usize>row * strideBytes, strideBytes << 2);
  for (let first = 0; first < n; first += CHUNK) {
    const end = min(first + CHUNK, n);
    for (let row = thread * 4; row < stride; row += threads * 4) {
      for (let column: usize = 0; column < strideBytes; column += 32) {
        const g = gradients + <usize>row * strideBytes + column;
        let a0 = v128.load(g), b0 = v128.load(g, 16);
        let a1 = v128.load(g + strideBytes), b1 = v128.load(g + strideBytes, 16);
        let a2 = v128.load(g + 2 * strideBytes), b2 = v128.load(g + 2 * strideBytes, 16);
        let a3 = v128.load(g + 3 * strideBytes), b3 = v128.load(g + 3 * strideBytes, 16);
        let from = x + <usize>first * strideBytes + (<usize>row << 2);
        let d = delta + <usize>first * strideBytes + column;
        for (let i = first; i < end; i++) {
          const v = f32x4.max(v128.load(from), zero);
          const da = v128.load(d);
          const db = v128.load(d, 16);
          from += strideBytes;
          d += strideBytes;
          const v0 = i8x16.shuffle(v, v, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3);
          const v1 = i8x16.shuffle(v, v, 4, 5, 6, 7, 4, 5, 6, 7, 4, 5, 6, 7, 4, 5, 6, 7);
          const v2 = i8x16.shuffle(v, v, 8, 9, 10, 11, 8, 9, 10, 11, 8, 9, 10, 11, 8, 9, 10, 11);
          const v3 = i8x16.shuffle(v, v, 12, 13, 14, 15, 12, 13, 14, 15, 12, 13, 14, 15, 12, 13, 14, 15);
          a0 = madd(v0, da, a0);
          b0 = madd(v0, db, b0);
          a1 = madd(v1, da, a1);
          b1 = madd(v1, db, b1);
          a2 = madd(v2, da, a2);
          b2 = madd(v2, db, b2);
          a3 = madd(v3, da, a3);
          b3 = madd(v3, db, b3);
        }
        v128.store(g, a0);
        v128.store(g, b0, 16);
        v128.store(g + strideBytes, a1);
        v128.store(g + strideBytes, b1, 16);
        v128.store(g + 2 * strideBytes, a2);
        v128.store(g + 2 * strideBytes, b2, 16);
        v128.store(g + 3 * strideBytes, a3);
        v128.store(g + 3 * strideBytes, b3, 16);
      }
    }
  }
}

/** Sums of delta over all encodings, eight columns a thread. */
function biasGradients(p: usize, target: usize, delta: usize, thread: i32, threads: i32): void {
  const strideBytes = bytesOfStride(p);
  const n = encodings(p);
  for (let column = <usize>thread * 32; column < strideBytes; column += <usize>threads * 32) {
    let a = f32x4.splat(0);
    let b = a;
    let d = delta + column;
    for (let i = 0; i < n; i++) {
      a = f32x4.add(a, v128.load(d));
      b = f32x4.add(b, v128.load(d, 16));
      d += strideBytes;
    }
    v128.store(target + column, a);
    v128.store(target + column, b, 16);
  }
}

/** Delta of the layer below, of a thread's encodings: delta W^T where the layer was not cut off. */
function differentiateLayer(p: usize, layer: i32, delta: usize, below: usize, thread: i32, threads: i32): void {
  const strideBytes = bytesOfStride(p);
  const n = encodings(p);
  const w = address(p, P_TRANSPOSED) + <usize>(layer - 1) * (strideBytes >> 2) * strideBytes;
  const x = hiddenAt(p, layer - 1, n);
  const zero = f32x4.splat(0);
  for (let begin = thread * CHUNK; begin < n; begin += threads * CHUNK) {
    const end = min(begin + CHUNK, n);
    multiply(delta, w, 0, below, begin, end, strideBytes, false);
    for (let o = <usize>begin * strideBytes; o < <usize>end * strideBytes; o += 16) {
      const isOn = f32x4.gt(v128.load(x + o), zero);
      v128.store(below + o, v128.and(v128.load(below + o), isOn));
    }
  }
}

/** Gradients of what octets add: an octet and eight columns are one thread's. */
function octetGradients(p: usize, delta: usize, thread: i32, threads: i32): void {
  const strideBytes = bytesOfStride(p);
  const n = encodings(p);
  const blocks = <i32>(strideBytes >> 5);
  const addresses = address(p, P_ADDRESSES);
  for (let unit = thread; unit < 4 * blocks; unit += threads) {
    const octet = unit & 3;
    const column = <usize>(unit >> 2) << 5;
    const target = address(p, P_OCTET_GRADIENTS) + <usize>(octet << 8) * strideBytes + column;
    for (let v: usize = 0; v < 256; v++) {
      v128.store(target + v * strideBytes, f32x4.splat(0));
      v128.store(target + v * strideBytes, f32x4.splat(0), 16);
    }
    const shift = 24 - 8 * octet;
    for (let i = 0; i < n; i++) {
      const value = (load<u32>(addresses + (<usize>i << 2)) >> shift) & 255;
      const to = target + <usize>value * strideBytes;
      const d = delta + <usize>i * strideBytes + column;
      v128.store(to, f32x4.add(v128.load(to), v128.load(d)));
      v128.store(to, f32x4.add(v128.load(to, 16), v128.load(d, 16)), 16);
    }
  }
}

/** Gradients of the bits, from those of octets. */
function bitGradients(p: usize, thread: i32, threads: i32): void {
  const strideBytes = bytesOfStride(p);
  for (let bit = thread; bit < 32; bit += threads) {
    const target = address(p, P_GRADIENTS) + <usize>bit * strideBytes;
    clear(target, strideBytes);
    const from = address(p, P_OCTET_GRADIENTS) + <usize>((bit >> 3) << 8) * strideBytes;
    for (let v = 0; v < 256; v++) {
      const sign: f32 = (v >> (7 - (bit & 7))) & 1 ? 1 : -1;
      addScaled(target, from + <usize>v * strideBytes, sign, strideBytes);
    }
  }
}

/** Moves all weights of the encoder. Biases do not decay. */
function moveWeights(p: usize, thread: i32, threads: i32): void {
  const strideBytes = bytesOfStride(p);
  const stride = param(p, P_STRIDE);
  const decay = load<f32>(p + P_DECAY);
  const count = 33 + param(p, P_LAYERS) * (stride + 1);
  for (let row = thread; row < count; row += threads) {
    const isBias = row == 32 || (row > 32 && (row - 33) % (stride + 1) == stride);
    const o = <usize>row * strideBytes;
    adam(
      p,
      address(p, P_WEIGHTS) + o,
      address(p, P_GRADIENTS) + o,
      address(p, P_FIRSTS) + o,
      address(p, P_SECONDS) + o,
      strideBytes,
      isBias ? 0 : decay,
    );
  }
}

function train(control: usize, p: usize, thread: i32, threads: i32): void {
  const strideBytes = bytesOfStride(p);
  const n = encodings(p);
  const layers = param(p, P_LAYERS);
  let delta = address(p, P_DELTAS);
  let below = delta + <usize>n * strideBytes;
  prepareOctets(p, thread, threads);
  prepareTransposed(p, thread, threads);
  barrier(control, threads);
  encode(p, n, thread, threads);
  barrier(control, threads);
  compare(p, thread, threads);
  barrier(control, threads);
  differentiateAddresses(p, delta, thread, threads);
  barrier(control, threads);
  // From here on nobody else reads the entities, nor what will be the delta below.
  moveEntities(p, address(p, P_OCTET_GRADIENTS) + <usize>thread * strideBytes, thread, threads);
  for (let layer = layers; layer >= 1; layer--) {
    weightGradients(p, layer, delta, thread, threads);
    const bias = layerAt(address(p, P_GRADIENTS), layer, strideBytes) + (strideBytes >> 2) * strideBytes;
    biasGradients(p, bias, delta, thread, threads);
    differentiateLayer(p, layer, delta, below, thread, threads);
    barrier(control, threads);
    const used = delta;
    delta = below;
    below = used;
  }
  barrier(control, threads);
  octetGradients(p, delta, thread, threads);
  biasGradients(p, address(p, P_GRADIENTS) + 32 * strideBytes, delta, thread, threads);
  barrier(control, threads);
  bitGradients(p, thread, threads);
  barrier(control, threads);
  moveWeights(p, thread, threads);
}

/** Dot products of rows with the addresses at their places. */
function score(control: usize, p: usize, thread: i32, threads: i32): void {
  const strideBytes = bytesOfStride(p);
  const n = encodings(p);
  encode(p, n, thread, threads);
  barrier(control, threads);
  const vectors = hiddenAt(p, param(p, P_LAYERS), n);
  const rows = param(p, P_ROWS);
  for (let j = thread; j < n; j += threads) {
    const i = j % rows; // addresses after those of the rows are compared with the same rows
    const z = dot(entityOfRow(p, i, strideBytes), vectors + <usize>j * strideBytes, strideBytes);
    store<f32>(address(p, P_SCORES) + (<usize>j << 2), z);
  }
}

function dispatch(control: usize, kind: i32, argument: usize, thread: i32, threads: i32): void {
  if (kind == 1) train(control, argument, thread, threads);
  else if (kind == 2) prepareOctets(argument, thread, threads);
  else score(control, argument, thread, threads);
}

/** A worker's whole life. */
export function serve(control: usize, thread: i32, threads: i32, seen: i32): void {
  serveCommands(control, thread, threads, seen, dispatch);
}

/** Runs a command on all threads: 1 learns from a mini-batch, 2 makes weights ready, 3 scores rows with them. */
export function command(control: usize, kind: i32, argument: usize, threads: i32): void {
  giveCommand(control, kind, argument, threads, dispatch);
}
