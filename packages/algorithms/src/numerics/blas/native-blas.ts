import { basename } from "node:path";
import { type ForeignFunction, type ForeignLibrary, openLibrary } from "../../foreign/koffi.ts";
import type { Blas, Factor, Matrix, Scale } from "./blas.ts";
import { productShape, strideOf, transposed } from "./shapes.ts";

/** How builds of OpenBLAS name their functions, and what their integers are. */
interface Flavour {
  readonly name: (plain: string) => string;
  readonly integer: "int" | "int64_t";
}

const flavours: readonly Flavour[] = [
  { name: (plain) => plain, integer: "int" }, // a distribution's
  { name: (plain) => `scipy_${plain}`, integer: "int" }, // in SciPy's wheel
  { name: (plain) => `scipy_${plain}64_`, integer: "int64_t" }, // in NumPy's wheel
];

// Values of enumerations in cblas.h.
const rowMajor = 101;
const noTranspose = 111;
const transpose = 112;
const upper = 121;

/** @throws Error where the library cannot be loaded or has no CBLAS of a known name. */
export function openNativeBlas(path: string, threads: number): Blas {
  // Read when the library is loaded, which starts threads; a caller's setting would give a run other cores than it has.
  process.env.OPENBLAS_NUM_THREADS = String(threads);
  // Threads that are idle spin for 2^N cycles before they sleep, where readers of the next rows could run.
  process.env.OPENBLAS_THREAD_TIMEOUT ??= "4";
  const { library } = openLibrary(path);
  for (const flavour of flavours) {
    const functions = bind(library, flavour);
    if (functions !== undefined) return new NativeBlas(functions, basename(path), threads);
  }
  throw new Error(`${path} has no cblas_sgemm under any name that is known: it is no OpenBLAS`);
}

interface Functions {
  readonly gemm: ForeignFunction;
  readonly syrk: ForeignFunction;
  readonly setThreads: ForeignFunction;
  readonly config: ForeignFunction;
  readonly core: ForeignFunction;
}

function bind(library: ForeignLibrary, { name, integer: i }: Flavour): Functions | undefined {
  const func = (result: string, plain: string, parameters: string) =>
    library.func(`${result} ${name(plain)}(${parameters})`);
  try {
    return {
      gemm: func(
        "void",
        "cblas_sgemm",
        `int, int, int, ${i}, ${i}, ${i}, float, const float*, ${i}, const float*, ${i}, float, float*, ${i}`,
      ),
      syrk: func("void", "cblas_ssyrk", `int, int, int, ${i}, ${i}, float, const float*, ${i}, float, float*, ${i}`),
      setThreads: func("void", "openblas_set_num_threads", "int"),
      config: func("const char*", "openblas_get_config", ""),
      core: func("const char*", "openblas_get_corename", ""),
    };
  } catch {
    return undefined; // not under these names: the caller tries others
  }
}

/** Products by an OpenBLAS of the host, which works on memory of this process where it lies. */
class NativeBlas implements Blas {
  readonly name: string;
  readonly isNative = true;
  readonly threads: number;
  readonly #functions: Functions;

  constructor(functions: Functions, file: string, threads: number) {
    this.#functions = functions;
    this.threads = threads;
    functions.setThreads(threads);
    const version = /OpenBLAS [\d.]+/.exec(String(functions.config()))?.[0] ?? file;
    this.name = `${version} (${functions.core()}), ${threads} ${threads === 1 ? "thread" : "threads"}`;
  }

  floats(count: number): Float32Array {
    return new Float32Array(count);
  }

  gemm(a: Factor, b: Factor, c: Matrix, { alpha = 1, beta = 0 }: Scale = {}): void {
    const { m, n, k } = productShape(a, b, c);
    if (m === 0 || n === 0) return;
    this.#functions.gemm(
      ...[rowMajor, order(a), order(b), m, n, k],
      ...[alpha, a.values, leading(a), b.values, leading(b)],
      ...[beta, c.values, leading(c)],
    );
  }

  syrk(a: Factor, c: Matrix, { alpha = 1, beta = 0 }: Scale = {}): void {
    const { n, k } = productShape(a, transposed(a), c);
    if (n === 0) return;
    this.#functions.syrk(
      ...[rowMajor, upper, order(a), n, k],
      ...[alpha, a.values, leading(a)],
      ...[beta, c.values, leading(c)],
    );
  }

  async close(): Promise<void> {}
}

function order({ isTransposed }: Factor): number {
  return isTransposed === true ? transpose : noTranspose;
}

/** The leading dimension, which must be 1 at least. */
function leading(matrix: Matrix): number {
  return Math.max(1, strideOf(matrix));
}
