import { codewords } from "../kernels/layout.ts";
import type { Area, BatchSize, Block, CodeScan, Projection, QueryBatch, Run, Scanner } from "./scanner.ts";
import { strideOf } from "./stride.ts";

/** Twin of knn.as.ts in plain TypeScript, and its stand-in where the kernel was not built. */
export class PlainScanner implements Scanner {
  readonly kind = "TypeScript";

  block(rows: number, rowBytes: number): Block {
    const bytes = new Uint8Array(rows * rowBytes);
    const floats = rowBytes % 16 === 0 ? new Float32Array(bytes.buffer) : new Float32Array(0);
    return { rows, bytes, floats, halves: new Float32Array(rows), ids: new Int32Array(rows) };
  }

  area(floats: number): Area {
    return { values: new Float32Array(floats) };
  }

  measure({ block, first, count }: Run): void {
    const stride = block.floats.length / block.rows;
    for (let i = first; i < first + count; i++) {
      block.halves[i] = -0.5 * negatedProduct(block.floats, i * stride, block.floats, i * stride, stride);
    }
  }

  project({ rows, count, width, matrix, target, output }: Projection): void {
    const stride = strideOf(width);
    for (let i = 0; i < count; i++) {
      for (let r = 0; r < target; r++) {
        const product = -negatedProduct(rows.values, i * stride, matrix.values, r * stride, stride);
        output.values[i * strideOf(target) + r] = product;
      }
    }
  }

  batch(size: BatchSize): QueryBatch {
    return new PlainBatch(size);
  }

  async close(): Promise<void> {}
}

class PlainBatch implements QueryBatch {
  readonly queries: Float32Array;
  readonly chosen: Int32Array;
  readonly counts: Int32Array;
  readonly distances: Float64Array;
  readonly found: Int32Array;
  readonly #size: BatchSize;
  readonly #stride: number;
  #asked = 0;

  constructor(size: BatchSize) {
    const { width, k, capacity } = size;
    this.#size = size;
    this.#stride = strideOf(width);
    this.queries = new Float32Array(capacity * this.#stride);
    this.chosen = new Int32Array(capacity);
    this.counts = new Int32Array(capacity);
    this.distances = new Float64Array(capacity * k);
    this.found = new Int32Array(capacity * k);
  }

  begin(count: number): void {
    this.#asked = count;
    this.counts.fill(0, 0, count);
  }

  scan({ block, first, count }: Run, chosen?: number): void {
    const measure = this.#size.metric === "L2" ? squaredDistance : negatedProduct;
    const stride = this.#stride;
    for (const q of this.#queries(chosen)) {
      for (let i = first; i < first + count; i++) {
        const distance = measure(this.queries, q * stride, block.floats, i * stride, stride);
        this.#offer(q, distance, block.ids[i] as number);
      }
    }
  }

  scanCodes({ block, first, count }: Run, scan: CodeScan, chosen?: number): void {
    const { parts } = scan;
    const tables = new Float32Array(parts * codewords);
    for (const q of this.#queries(chosen)) {
      this.#fillTables(q, scan, tables);
      for (let i = first; i < first + count; i++) {
        let distance = 0;
        for (let part = 0; part < parts; part++) {
          const word = block.bytes[i * parts + part] as number;
          distance = Math.fround(distance + (tables[part * codewords + word] as number));
        }
        this.#offer(q, distance, block.ids[i] as number);
      }
    }
  }

  finish(): void {
    // Neighbours are kept in order.
  }

  *#queries(chosen: number | undefined): Generator<number> {
    if (chosen === undefined) for (let q = 0; q < this.#asked; q++) yield q;
    else for (let i = 0; i < chosen; i++) yield this.chosen[i] as number;
  }

  #fillTables(q: number, { codebook, centroid, parts }: CodeScan, tables: Float32Array): void {
    const partWidth = this.#size.width / parts;
    tables.fill(0);
    for (let j = 0; j < this.#size.width; j++) {
      const residual = Math.fround((this.queries[q * this.#stride + j] as number) - (centroid.values[j] as number));
      const part = Math.floor(j / partWidth);
      for (let word = 0; word < codewords; word++) {
        const difference = Math.fround(residual - (codebook.values[j * codewords + word] as number));
        const at = part * codewords + word;
        tables[at] = (tables[at] as number) + Math.fround(difference * difference);
      }
    }
  }

  #offer(q: number, distance: number, id: number): void {
    const { k } = this.#size;
    const begin = q * k;
    const count = this.counts[q] as number;
    let place = begin + count;
    if (count < k) this.counts[q] = count + 1;
    else if (!this.#isFarther(place - 1, distance, id)) return;
    else place--;
    for (; place > begin && this.#isFarther(place - 1, distance, id); place--) {
      this.distances[place] = this.distances[place - 1] as number;
      this.found[place] = this.found[place - 1] as number;
    }
    this.distances[place] = distance;
    this.found[place] = id;
  }

  #isFarther(place: number, distance: number, id: number): boolean {
    const kept = this.distances[place] as number;
    return kept > distance || (kept === distance && (this.found[place] as number) > id);
  }
}

/** In the kernel's order: four sums, of which the first and third, second and fourth are added first. */
function squaredDistance(x: Float32Array, at: number, c: Float32Array, from: number, stride: number): number {
  const sums: [number, number, number, number] = [0, 0, 0, 0];
  for (let j = 0; j < stride; j++) {
    const difference = (x[at + j] as number) - (c[from + j] as number);
    sums[j % 4] = (sums[j % 4] as number) + difference * difference;
  }
  return sums[0] + sums[2] + (sums[1] + sums[3]);
}

function negatedProduct(x: Float32Array, at: number, c: Float32Array, from: number, stride: number): number {
  const sums: [number, number, number, number] = [0, 0, 0, 0];
  for (let j = 0; j < stride; j++) {
    sums[j % 4] = (sums[j % 4] as number) + (x[at + j] as number) * (c[from + j] as number);
  }
  return -(sums[0] + sums[2] + (sums[1] + sums[3]));
}
