import { existsSync, readFileSync } from "node:fs";
import { Worker } from "node:worker_threads";
import { buildFile, workerFile } from "../job/build-files.ts";

/** What every pooled kernel exports; see kernels' `serve` and `command`. */
export interface PoolExports {
  /** Runs a command on every thread and returns when all are done. */
  command(control: number, kind: number, argument: number, threads: number): void;
  /** A worker's whole life. */
  serve(control: number, thread: number, threads: number, seen: number): void;
}

/** What a worker thread is started with. */
export interface PoolWork {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  readonly control: number;
  readonly thread: number;
  readonly threads: number;
}

const PAGE = 65_536;
const MAX_PAGES = 65_536;
/** The kernel's own page; AssemblyScript keeps constants at its start. */
const FIRST_FREE = PAGE;
const CONTROL_BYTES = 256;

/** One kernel, one shared memory and a thread per core that wait for commands. Memory is given out, never taken back. */
export class KernelPool<E extends PoolExports> {
  readonly exports: E;
  readonly threads: number;
  readonly #memory: WebAssembly.Memory;
  readonly #workers: readonly Worker[];
  readonly #control: number;
  #free = FIRST_FREE;

  /** @returns undefined where the kernel was not built. */
  static async open<E extends PoolExports>(kernel: string, threads: number): Promise<KernelPool<E> | undefined> {
    const file = buildFile(kernel);
    if (!existsSync(file)) return undefined;
    const pool = new KernelPool<E>(new WebAssembly.Module(readFileSync(file)), threads);
    await Promise.all(pool.#workers.map(started));
    return pool;
  }

  private constructor(module: WebAssembly.Module, threads: number) {
    const memory = new WebAssembly.Memory({ initial: 16, maximum: MAX_PAGES, shared: true });
    const { exports } = new WebAssembly.Instance(module, { env: { memory } });
    this.exports = exports as unknown as E; // the kernel's twin tests hold the two alike
    this.#memory = memory;
    this.threads = threads;
    this.#control = this.allocate(CONTROL_BYTES);
    const work = { module, memory, control: this.#control, threads };
    this.#workers = Array.from({ length: threads - 1 }, (_, i) => {
      const workerData: PoolWork = { ...work, thread: i + 1 };
      return new Worker(workerFile(import.meta.url, "kernel-pool.worker"), { workerData });
    });
  }

  /** Bytes that can still be had. */
  get room(): number {
    return PAGE * MAX_PAGES - this.#free;
  }

  /** Takes zeroed memory. @returns Its address, a multiple of 16. @throws RangeError when the 4 GB are spent. */
  allocate(bytes: number): number {
    const at = this.#free;
    const end = Math.ceil((at + bytes) / 16) * 16;
    const missing = end - this.#memory.buffer.byteLength;
    if (missing > 0) this.#memory.grow(Math.ceil(missing / PAGE));
    this.#free = end;
    return at;
  }

  /** Floats at an address. Views stay valid when the memory grows, as it is shared. */
  floats(at: number, count: number): Float32Array {
    return new Float32Array(this.#memory.buffer, at, count);
  }

  doubles(at: number, count: number): Float64Array {
    return new Float64Array(this.#memory.buffer, at, count);
  }

  integers(at: number, count: number): Int32Array {
    return new Int32Array(this.#memory.buffer, at, count);
  }

  bytes(at: number, count: number): Uint8Array {
    return new Uint8Array(this.#memory.buffer, at, count);
  }

  /**
   * Runs a command of the kernel on all threads.
   * @param threads - 1 for the calling one alone: work so small that waking others would take longer.
   */
  command(kind: number, argument: number, threads?: 1): void {
    this.exports.command(this.#control, kind, argument, threads ?? this.threads);
  }

  /** Ends the threads. */
  async close(): Promise<void> {
    if (this.#workers.length === 0) return;
    this.exports.command(this.#control, 0, 0, this.threads);
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }
}

function started(worker: Worker): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  worker.once("error", reject);
  worker.once("message", () => {
    worker.unref(); // only now: until it has started it is what keeps the process alive
    resolve();
  });
  return promise;
}
