import { open } from "node:fs/promises";
import { join } from "node:path";
import { writeWhole } from "../job/write-whole.ts";
import type { EntityTable } from "./entity-table.ts";
import { type NetworkShape, strideOf, weightRows } from "./network.ts";

const FILE = "model_algo-1";
const MAGIC = "sagebrush-ip-insights-1";
/** Vectors that are written, or read, at a time. */
const partBytes = 64 * 1024 * 1024;

interface Trained {
  readonly shape: NetworkShape;
  readonly weights: Float32Array;
  readonly entities: EntityTable;
}

/** A model as it was read. */
export interface IpInsightsModel {
  readonly vectorDim: number;
  readonly layers: number;
  readonly numEntityVectors: number;
  /** Shape (33 + layers (stride + 1), stride), as a network has them. */
  readonly weights: Float32Array;
  /** The vector of an entity by its number, shape (vectorDim); undefined for one that was not seen. */
  vectorOf(entity: number): Float32Array | undefined;
}

interface Head {
  readonly magic: string;
  readonly vectorDim: number;
  readonly layers: number;
  readonly numEntityVectors: number;
  /** Entities that were seen. */
  readonly seen: number;
}

/**
 * Writes `model_algo-1`: a line of JSON, then little-endian numbers of 32 bits: weights, the numbers of the entities that
 * were seen, in order, and their vectors, shape (seen, vectorDim).
 */
export async function saveModel(directory: string, { shape, weights, entities }: Trained): Promise<void> {
  const { vectorDim, layers } = shape;
  const numbers = Uint32Array.from(entities.seen());
  const head: Head = { magic: MAGIC, vectorDim, layers, numEntityVectors: entities.count, seen: numbers.length };
  await writeWhole(directory, FILE, parts(head, weights, numbers, entities));
}

function* parts(head: Head, weights: Float32Array, numbers: Uint32Array, entities: EntityTable) {
  yield `${JSON.stringify(head)}\n`;
  yield bytesOf(weights);
  yield bytesOf(numbers);
  const { vectorDim } = head;
  const most = Math.max(1, Math.floor(partBytes / (4 * vectorDim)));
  for (let first = 0; first < numbers.length; first += most) {
    const some = numbers.subarray(first, first + most);
    const vectors = new Float32Array(some.length * vectorDim);
    for (const [i, entity] of some.entries()) vectors.set(entities.row(entity).subarray(0, vectorDim), i * vectorDim);
    yield bytesOf(vectors);
  }
}

/** Reads what `saveModel` wrote. @throws Error when it is something else, or is damaged. */
export async function loadModel(directory: string): Promise<IpInsightsModel> {
  const file = await open(join(directory, FILE));
  try {
    const { size } = await file.stat();
    const start = Buffer.alloc(1024);
    const { bytesRead } = await file.read(start, 0, start.length, 0);
    const end = start.subarray(0, bytesRead).indexOf(0x0a);
    const { vectorDim, layers, numEntityVectors, seen } = readHead(start.toString("utf8", 0, Math.max(end, 0)));
    const stride = strideOf(vectorDim);
    const weightCount = weightRows(layers, stride) * stride;
    const expected = end + 1 + 4 * (weightCount + seen + seen * vectorDim);
    if (size !== expected) throw damaged(`it has ${size} bytes, and ${expected} were expected`);
    let at = end + 1;
    const fill = async <T extends Float32Array | Uint32Array>(target: T): Promise<T> => {
      const bytes = bytesOf(target);
      for (let got = 0; got < bytes.length; ) {
        const { bytesRead: more } = await file.read(bytes, got, Math.min(partBytes, bytes.length - got), at + got);
        if (more === 0) throw damaged("it became shorter while it was read");
        got += more;
      }
      at += bytes.length;
      return target;
    };
    const weights = await fill(new Float32Array(weightCount));
    const numbers = await fill(new Uint32Array(seen));
    if (numbers.some((number, i) => number >= numEntityVectors || (i > 0 && number <= (numbers[i - 1] as number)))) {
      throw damaged("its entities are not in order");
    }
    const most = Math.max(1, Math.floor(partBytes / (4 * vectorDim)));
    const pieces: Float32Array[] = [];
    for (let first = 0; first < seen; first += most) {
      pieces.push(await fill(new Float32Array(Math.min(most, seen - first) * vectorDim)));
    }
    if (![weights, ...pieces].every((values) => values.every(Number.isFinite))) throw damaged("a number is not finite");
    const vectorOf = (entity: number) => {
      const i = placeOf(numbers, entity);
      const from = (i % most) * vectorDim;
      return i < 0 ? undefined : pieces[Math.floor(i / most)]?.subarray(from, from + vectorDim);
    };
    return { vectorDim, layers, numEntityVectors, weights, vectorOf };
  } finally {
    await file.close();
  }
}

function readHead(line: string): Head {
  let head: Partial<Head>;
  try {
    head = JSON.parse(line) as Partial<Head>;
  } catch (error) {
    throw new Error(`${FILE} is no model that was trained here`, { cause: error });
  }
  const { magic, vectorDim = 0, layers = -1, numEntityVectors = 0, seen = -1 } = head;
  if (magic !== MAGIC) throw new Error(`${FILE} is no model that was trained here`);
  const limits: readonly (readonly [number, number, number])[] = [
    [vectorDim, 4, 4096],
    [layers, 0, 100],
    [numEntityVectors, 1, 250_000_000],
    [seen, 0, numEntityVectors],
  ];
  for (const [value, least, most] of limits) {
    if (!Number.isInteger(value) || value < least || value > most) throw damaged(`a size is ${value}`);
  }
  return { magic, vectorDim, layers, numEntityVectors, seen };
}

/** Place of a number in an ascending list; -1 where it is not in it. */
function placeOf(numbers: Uint32Array, wanted: number): number {
  let [low, high] = [0, numbers.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((numbers[middle] as number) < wanted) low = middle + 1;
    else high = middle;
  }
  return numbers[low] === wanted ? low : -1;
}

function damaged(why: string): Error {
  return new Error(`${FILE} is damaged: ${why}`);
}

function bytesOf({ buffer, byteOffset, byteLength }: Float32Array | Uint32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
