import type { Blas } from "../../numerics/blas/blas.ts";
import type { KernelPool, PoolExports } from "../../numerics/kernel-pool.ts";
import { commands, parameter, parameterCount } from "../kernels/layout.ts";
import type { Area, BatchSize, Block, CodeScan, Projection, QueryBatch, Run, Scanner } from "./scanner.ts";
import { strideOf } from "./stride.ts";

/** Queries from which on a BLAS is worth its call. */
const fewestForBlas = 32;
/** Products that are computed at a time: few enough to be in a cache when they are looked at. */
const mostProducts = 1 << 20;
const mostTileRows = 2048;
/** Bytes of rows times queries that one thread looks at alone. */
const smallWork = 1 << 20;

type Parameters = Partial<Record<keyof typeof parameter, number>>;

/** Where a block's arrays lie in the kernel's memory. */
interface Place {
  readonly rows: number;
  readonly halves: number;
  readonly ids: number;
}

/** Kernel memory that blocks leave to queries, products and the window. */
const defaultReserve = 768 * 1024 * 1024;
/** Rows that do not lie in the kernel's memory are brought there so many bytes at a time. */
const defaultWindow = 16 * 1024 * 1024;

interface WasmScannerOptions {
  /** A native one, which works on the kernel's memory where it lies. */
  readonly blas?: Blas | undefined;
  /** Bytes of the kernel's memory that blocks leave free; blocks past that lie elsewhere. */
  readonly reserve?: number;
  /** How much of those is brought to the kernel at a time. */
  readonly windowBytes?: number;
}

/** Scans with the WASM kernel on all threads of a pool. */
export class WasmScanner implements Scanner {
  readonly kind: string;
  /** What multiplies many queries with rows, where there is one. */
  readonly blas: Blas | undefined;
  readonly #pool: KernelPool<PoolExports>;
  readonly #reserve: number;
  readonly #windowBytes: number;
  readonly #address: number;
  readonly #parameters: Int32Array;
  readonly #places = new WeakMap<Block, Place>();
  readonly #areas = new WeakMap<Area, number>();
  #products: Area | undefined;
  /** Where rows from elsewhere are brought, by their size. */
  readonly #windows = new Map<number, Block>();

  constructor(pool: KernelPool<PoolExports>, options: WasmScannerOptions = {}) {
    const { blas, reserve = defaultReserve, windowBytes = defaultWindow } = options;
    this.#pool = pool;
    this.blas = blas;
    this.kind = blas?.name ?? `WebAssembly, ${pool.threads} ${pool.threads === 1 ? "thread" : "threads"}`;
    this.#reserve = reserve;
    this.#windowBytes = windowBytes;
    this.#address = pool.allocate(parameterCount * 4);
    this.#parameters = pool.integers(this.#address, parameterCount);
  }

  /** Threads that share work. */
  get threads(): number {
    return this.#pool.threads;
  }

  block(rows: number, rowBytes: number): Block {
    const needed = padded(rows) * (rowBytes + 8) + 64;
    if (this.#pool.room - needed >= this.#reserve) return this.#placedBlock(rows, rowBytes);
    return blockOf(
      rows,
      rowBytes,
      (bytes) => new Uint8Array(new SharedArrayBuffer(Math.ceil(bytes / 16) * 16), 0, bytes),
    );
  }

  area(floats: number): Area {
    const at = this.#pool.allocate(floats * 4);
    const area = { values: this.#pool.floats(at, floats) };
    this.#areas.set(area, at);
    return area;
  }

  measure({ block, first, count }: Run): void {
    const rowBytes = block.bytes.length / block.rows;
    this.#pieces({ block, first, count }, (place, from, rows) => {
      this.run(commands.measure, { ...placeAt(place, 0, rowBytes), count: rows, rowBytes });
      if (!this.#places.has(block)) block.halves.set(this.#windowOf(rowBytes).halves.subarray(0, rows), from);
    });
  }

  project({ rows, count, width, matrix, target, output }: Projection): void {
    this.run(commands.project, {
      queries: this.addressOf(rows),
      total: count,
      rows: this.addressOf(matrix),
      count: target,
      rowBytes: strideOf(width) * 4,
      output: this.addressOf(output),
      outputBytes: strideOf(target) * 4,
    });
  }

  batch(size: BatchSize): QueryBatch {
    return new WasmBatch(this, this.#pool, size);
  }

  async close(): Promise<void> {
    await this.#pool.close();
  }

  /** Where an area lies in the kernel's memory. */
  addressOf(area: Area): number {
    const at = this.#areas.get(area);
    if (at === undefined) throw new Error("the area belongs to another scanner");
    return at;
  }

  /** Runs a command on rows, a piece of them at a time where they have to be brought into the kernel's memory. */
  runOn(kind: number, run: Run, values: Parameters): void {
    const rowBytes = run.block.bytes.length / run.block.rows;
    this.#pieces(run, (place, _, count) =>
      this.run(kind, { ...values, ...placeAt(place, 0, rowBytes), count, rowBytes }),
    );
  }

  /** Shows rows to all queries by their products, which a BLAS computes for some rows at a time. */
  sift(
    blas: Blas,
    run: Run,
    width: number,
    queries: Float32Array,
    values: Parameters & { readonly total: number },
  ): void {
    const rowBytes = run.block.bytes.length / run.block.rows;
    const stride = rowBytes / 4;
    const { total } = values;
    this.#products ??= this.area(mostProducts);
    const tile = Math.max(4, Math.min(mostTileRows, Math.floor(mostProducts / total / 4) * 4));
    const asked = { values: queries, rows: total, columns: width, stride };
    this.#pieces(run, (place, _, count) => {
      for (let first = 0; first < count; first += tile) {
        const rows = Math.min(tile, count - first);
        const from = placeAt(place, first, rowBytes);
        const shown = { values: this.#pool.floats(from.rows, rows * stride), rows, columns: width, stride };
        const products = { values: (this.#products as Area).values, rows: total, columns: rows, stride: tile };
        blas.gemm(asked, { ...shown, isTransposed: true }, products);
        const where = { products: this.addressOf(this.#products as Area), productBytes: tile * 4 };
        this.run(commands.sift, { ...values, ...from, ...where, count: rows, rowBytes });
      }
    });
  }

  run(kind: number, values: Parameters): void {
    for (const [name, value] of Object.entries(values)) {
      this.#parameters[parameter[name as keyof typeof parameter]] = value;
    }
    const { total = 0, count = 1, rowBytes = 4 } = values;
    // Queries are what threads share. What is below some 50 microseconds of work is not worth waking them.
    const isSmall = kind !== commands.measure && (total < 2 || total * count * rowBytes < smallWork);
    this.#pool.command(kind, this.#address, isSmall ? 1 : undefined);
  }

  #pieces({ block, first, count }: Run, use: (place: Place, from: number, rows: number) => void): void {
    if (count === 0) return;
    const rowBytes = block.bytes.length / block.rows;
    const own = this.#places.get(block);
    if (own !== undefined) {
      use(placeAt(own, first, rowBytes), first, count);
      return;
    }
    const window = this.#windowOf(rowBytes);
    for (let from = first; from < first + count; from += window.rows) {
      const rows = Math.min(window.rows, first + count - from);
      window.bytes.set(block.bytes.subarray(from * rowBytes, (from + rows) * rowBytes));
      window.halves.set(block.halves.subarray(from, from + rows));
      window.ids.set(block.ids.subarray(from, from + rows));
      use(this.#places.get(window) as Place, from, rows);
    }
  }

  #windowOf(rowBytes: number): Block {
    const known = this.#windows.get(rowBytes);
    if (known !== undefined) return known;
    const window = this.#placedBlock(Math.max(4, Math.floor(this.#windowBytes / rowBytes)), rowBytes);
    this.#windows.set(rowBytes, window);
    return window;
  }

  #placedBlock(rows: number, rowBytes: number): Block {
    const addresses: number[] = [];
    const block = blockOf(rows, rowBytes, (bytes) => {
      const at = this.#pool.allocate(bytes);
      addresses.push(at);
      return this.#pool.bytes(at, bytes);
    });
    const [at = 0, halves = 0, ids = 0] = addresses;
    this.#places.set(block, { rows: at, halves, ids });
    return block;
  }
}

/** Queries in the kernel's memory. */
class WasmBatch implements QueryBatch {
  readonly queries: Float32Array;
  readonly chosen: Int32Array;
  readonly counts: Int32Array;
  readonly distances: Float64Array;
  readonly found: Int32Array;
  readonly #scanner: WasmScanner;
  readonly #pool: KernelPool<PoolExports>;
  readonly #values: Parameters;
  readonly #chosenAddress: number;
  readonly #size: BatchSize;
  #tables: { readonly at: number; readonly parts: number } | undefined;
  #asked = 0;

  constructor(scanner: WasmScanner, pool: KernelPool<PoolExports>, size: BatchSize) {
    const { width, k, capacity, metric } = size;
    const stride = strideOf(width);
    this.#scanner = scanner;
    this.#pool = pool;
    this.#size = size;
    const addresses = {
      queries: pool.allocate(capacity * stride * 4),
      squares: pool.allocate(capacity * 8),
      norms: pool.allocate(capacity * 4),
      thresholds: pool.allocate(capacity * 4),
      counts: pool.allocate(capacity * 4),
      distances: pool.allocate(capacity * k * 8),
      found: pool.allocate(capacity * k * 4),
    };
    this.#values = { ...addresses, width, k, isL2: metric === "L2" ? 1 : 0 };
    this.#chosenAddress = pool.allocate(capacity * 4);
    this.queries = pool.floats(addresses.queries, capacity * stride);
    this.chosen = pool.integers(this.#chosenAddress, capacity);
    this.counts = pool.integers(addresses.counts, capacity);
    this.distances = pool.doubles(addresses.distances, capacity * k);
    this.found = pool.integers(addresses.found, capacity * k);
  }

  begin(count: number): void {
    this.#asked = count;
    this.#scanner.run(commands.begin, { ...this.#values, total: count, rowBytes: strideOf(this.#size.width) * 4 });
  }

  scan(run: Run, chosen?: number): void {
    const { blas } = this.#scanner;
    const values = this.#askedValues(chosen);
    if (blas === undefined || chosen !== undefined || this.#asked < fewestForBlas) {
      this.#scanner.runOn(commands.scan, run, values);
      return;
    }
    this.#scanner.sift(blas, run, this.#size.width, this.queries, values);
  }

  scanCodes(run: Run, { codebook, centroid, parts }: CodeScan, chosen?: number): void {
    if (this.#tables?.parts !== parts) {
      this.#tables = { at: this.#pool.allocate(this.#scanner.threads * parts * 1024), parts };
    }
    this.#scanner.runOn(commands.scanCodes, run, {
      ...this.#askedValues(chosen),
      codebook: this.#scanner.addressOf(codebook),
      centroid: this.#scanner.addressOf(centroid),
      parts,
      partWidth: this.#size.width / parts,
      tables: this.#tables.at,
    });
  }

  finish(): void {
    this.#scanner.run(commands.finish, { ...this.#values, total: this.#asked, count: this.#size.k, rowBytes: 16 });
  }

  #askedValues(chosen: number | undefined): Parameters & { readonly total: number } {
    if (chosen === undefined) return { ...this.#values, chosen: 0, total: this.#asked };
    return { ...this.#values, chosen: this.#chosenAddress, total: chosen };
  }
}

/** Rows as the kernel reads them: four at a time. */
function padded(rows: number): number {
  return Math.ceil(rows / 4) * 4;
}

function blockOf(rows: number, rowBytes: number, allocate: (bytes: number) => Uint8Array): Block {
  const bytes = allocate(rows * rowBytes);
  const halves = allocate(padded(rows) * 4);
  const ids = allocate(padded(rows) * 4);
  const isFloat = rowBytes % 16 === 0;
  return {
    rows,
    bytes,
    floats: isFloat ? new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4) : new Float32Array(0),
    halves: new Float32Array(halves.buffer, halves.byteOffset, rows),
    ids: new Int32Array(ids.buffer, ids.byteOffset, rows),
  };
}

function placeAt({ rows, halves, ids }: Place, first: number, rowBytes: number): Place {
  return { rows: rows + first * rowBytes, halves: halves + first * 4, ids: ids + first * 4 };
}
