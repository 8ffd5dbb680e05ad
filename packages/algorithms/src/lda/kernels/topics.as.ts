/**
 * What LDA does at length, over a corpus by documents and the same corpus by words (compressed rows and columns):
 * mixtures of documents under given topics, what each word adds to each topic under given mixtures, and products of
 * documents with vectors of words or of words with vectors of documents.
 *
 * Vectors have a stride of a multiple of 4 floats, padded with zeros. A document or a word is one thread's work, added up in
 * the order of its entries: any number of threads gives the same bits. plain-topics.ts is the twin; layout.ts has the
 * offsets of the parameter block.
 */
import { giveCommand, serveCommands } from "../../numerics/parts/threads.as";
import { madd } from "../../numerics/parts/vectors.as";

// Offsets in the parameter block, which layout.ts has too.
const P_LINES: usize = 0;
const P_STRIDE: usize = 4;
const P_OFFSETS: usize = 8;
const P_INDICES: usize = 12;
const P_COUNTS: usize = 16;
const P_INPUT: usize = 20;
const P_OUTPUT: usize = 24;
const P_PRIOR: usize = 28;
const P_LIKELIHOODS: usize = 32;
const P_ITERATIONS: usize = 36;
const P_TOLERANCE: usize = 40;
const P_SCRATCH: usize = 44;

/** Lines that a thread takes at a time. */
const CHUNK: i32 = 16;
/** Below any probability of a word: a word that no topic has must not divide by zero. */
const LEAST: f32 = 1e-30;

// @ts-ignore: decorator
@inline
function param(p: usize, offset: usize): i32 {
  return load<i32>(p + offset);
}

// @ts-ignore: decorator
@inline
function sumOf(v: v128): f32 {
  return (
    f32x4.extract_lane(v, 0) + f32x4.extract_lane(v, 2) + (f32x4.extract_lane(v, 1) + f32x4.extract_lane(v, 3))
  );
}

// @ts-ignore: decorator
@inline
function dot(a: usize, b: usize, bytes: usize): f32 {
  let sum = f32x4.splat(0);
  for (let o: usize = 0; o < bytes; o += 16) sum = madd(v128.load(a + o), v128.load(b + o), sum);
  return sumOf(sum);
}

// @ts-ignore: decorator
@inline
function addMultiple(to: usize, from: usize, factor: f32, bytes: usize): void {
  const f = f32x4.splat(factor);
  for (let o: usize = 0; o < bytes; o += 16) {
    v128.store(to + o, madd(f, v128.load(from + o), v128.load(to + o)));
  }
}

/** Mixture of one document, from the one that is there: the fixed point of prior + counts of topics, made to add up to 1. */
function infer(p: usize, line: i32, scratch: usize): void {
  const bytes = <usize>param(p, P_STRIDE) << 2;
  const offsets = <usize>param(p, P_OFFSETS) + (<usize>line << 2);
  const first = <usize>load<i32>(offsets);
  const end = <usize>load<i32>(offsets, 4);
  const words = <usize>param(p, P_INDICES);
  const counts = <usize>param(p, P_COUNTS);
  const topics = <usize>param(p, P_INPUT);
  const prior = <usize>param(p, P_PRIOR);
  const theta = <usize>param(p, P_OUTPUT) + <usize>line * bytes;
  const tolerance = load<f32>(p + P_TOLERANCE);
  const iterations = param(p, P_ITERATIONS);
  for (let i = 0; i < iterations; i++) {
    memory.fill(scratch, 0, bytes);
    for (let e = first; e < end; e++) {
      const topic = topics + <usize>load<i32>(words + (e << 2)) * bytes;
      addMultiple(scratch, topic, load<f32>(counts + (e << 2)) / max(dot(theta, topic, bytes), LEAST), bytes);
    }
    let total = f32x4.splat(0);
    for (let o: usize = 0; o < bytes; o += 16) {
      const next = madd(v128.load(theta + o), v128.load(scratch + o), v128.load(prior + o));
      v128.store(scratch + o, next);
      total = f32x4.add(total, next);
    }
    const scale = f32x4.splat(1 / sumOf(total));
    let change = f32x4.splat(0);
    for (let o: usize = 0; o < bytes; o += 16) {
      const next = f32x4.mul(v128.load(scratch + o), scale);
      change = f32x4.add(change, f32x4.abs(f32x4.sub(next, v128.load(theta + o))));
      v128.store(theta + o, next);
    }
    if (sumOf(change) <= tolerance) break;
  }
  const likelihoods = <usize>param(p, P_LIKELIHOODS);
  if (likelihoods == 0) return;
  let sum: f64 = 0;
  for (let e = first; e < end; e++) {
    const topic = topics + <usize>load<i32>(words + (e << 2)) * bytes;
    sum += <f64>load<f32>(counts + (e << 2)) * Math.log(<f64>max(dot(theta, topic, bytes), LEAST));
  }
  store<f64>(likelihoods + (<usize>line << 3), sum);
}

/** What one word adds to each topic: its row of topics becomes the expected counts, plus the prior's first number. */
function collect(p: usize, line: i32, scratch: usize): void {
  const bytes = <usize>param(p, P_STRIDE) << 2;
  const offsets = <usize>param(p, P_OFFSETS) + (<usize>line << 2);
  const first = <usize>load<i32>(offsets);
  const end = <usize>load<i32>(offsets, 4);
  const documents = <usize>param(p, P_INDICES);
  const counts = <usize>param(p, P_COUNTS);
  const thetas = <usize>param(p, P_INPUT);
  const topic = <usize>param(p, P_OUTPUT) + <usize>line * bytes;
  memory.fill(scratch, 0, bytes);
  for (let e = first; e < end; e++) {
    const theta = thetas + <usize>load<i32>(documents + (e << 2)) * bytes;
    addMultiple(scratch, theta, load<f32>(counts + (e << 2)) / max(dot(theta, topic, bytes), LEAST), bytes);
  }
  const prior = f32x4.splat(load<f32>(<usize>param(p, P_PRIOR)));
  for (let o: usize = 0; o < bytes; o += 16) {
    v128.store(topic + o, madd(v128.load(topic + o), v128.load(scratch + o), prior));
  }
}

/** A line's counts times the vectors that they belong to. */
function multiply(p: usize, line: i32): void {
  const bytes = <usize>param(p, P_STRIDE) << 2;
  const offsets = <usize>param(p, P_OFFSETS) + (<usize>line << 2);
  const end = <usize>load<i32>(offsets, 4);
  const indices = <usize>param(p, P_INDICES);
  const counts = <usize>param(p, P_COUNTS);
  const input = <usize>param(p, P_INPUT);
  const out = <usize>param(p, P_OUTPUT) + <usize>line * bytes;
  memory.fill(out, 0, bytes);
  for (let e = <usize>load<i32>(offsets); e < end; e++) {
    addMultiple(out, input + <usize>load<i32>(indices + (e << 2)) * bytes, load<f32>(counts + (e << 2)), bytes);
  }
}

function dispatch(_control: usize, kind: i32, p: usize, thread: i32, threads: i32): void {
  const lines = param(p, P_LINES);
  const scratch = <usize>param(p, P_SCRATCH) + <usize>thread * (<usize>param(p, P_STRIDE) << 2);
  for (let first = thread * CHUNK; first < lines; first += threads * CHUNK) {
    const end = min(lines, first + CHUNK);
    for (let line = first; line < end; line++) {
      if (kind == 1) infer(p, line, scratch);
      else if (kind == 2) collect(p, line, scratch);
      else multiply(p, line);
    }
  }
}

/** A worker's whole life. */
export function serve(control: usize, thread: i32, threads: i32, seen: i32): void {
  serveCommands(control, thread, threads, seen, dispatch);
}

/** Runs a command on all threads: 1 infers mixtures, 2 collects topics, 3 multiplies. */
export function command(control: usize, kind: i32, argument: usize, threads: i32): void {
  giveCommand(control, kind, argument, threads, dispatch);
}
