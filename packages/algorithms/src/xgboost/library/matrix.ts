import type { Rows } from "../../formats/rows.ts";
import type { Handle, XGBoostLibrary } from "./library.ts";

/** What rows have besides features. */
export interface RowInformation {
  readonly labels?: Float32Array;
  readonly weights?: Float32Array;
  /** Rows of each query, in order, for ranking. */
  readonly groups?: Uint32Array;
}

/** Rows in the library's own form. */
export class Matrix implements Disposable {
  readonly #library: XGBoostLibrary;
  readonly handle: Handle;
  readonly rows: number;

  constructor(library: XGBoostLibrary, handle: Handle, rows: number) {
    this.#library = library;
    this.handle = handle;
    this.rows = rows;
  }

  /** Copies rows into the library. Missing values of dense rows are NaN; what sparse rows do not name is missing. */
  static of(library: XGBoostLibrary, rows: Rows, threads: number): Matrix {
    return new Matrix(
      library,
      rows.kind === "dense" ? dense(library, rows, threads) : sparse(library, rows, threads),
      rows.count,
    );
  }

  describe({ labels, weights, groups }: RowInformation): void {
    if (labels) this.#setFloats("label", labels);
    if (weights) this.#setFloats("weight", weights);
    if (groups) {
      const set = "int XGDMatrixSetUIntInfo(void* h, const char* field, const unsigned int* values, uint64_t count)";
      this.#library.call(set, this.handle, "group", groups, groups.length);
    }
  }

  /** Sets one of the library's fields, such as `label_lower_bound`. */
  #setFloats(field: string, values: Float32Array): void {
    const set = "int XGDMatrixSetFloatInfo(void* h, const char* field, const float* values, uint64_t count)";
    this.#library.call(set, this.handle, field, values, values.length);
  }

  /** The bounds between which survival times lie; equal ones say that a time is known. */
  setBounds(lower: Float32Array, upper: Float32Array): void {
    this.#setFloats("label_lower_bound", lower);
    this.#setFloats("label_upper_bound", upper);
  }

  /** Some of the rows, with all that is known of them. */
  slice(indices: Int32Array): Matrix {
    const slice = "int XGDMatrixSliceDMatrix(void* h, const int* rows, uint64_t count, _Out_ void** out)";
    const handle = this.#library.create(slice, this.handle, indices, indices.length);
    return new Matrix(this.#library, handle, indices.length);
  }

  [Symbol.dispose](): void {
    this.#library.call("int XGDMatrixFree(void* h)", this.handle);
  }
}

function dense(
  library: XGBoostLibrary,
  { values, count, width }: Extract<Rows, { kind: "dense" }>,
  threads: number,
): Handle {
  const create =
    "int XGDMatrixCreateFromMat_omp(const float* values, uint64_t rows, uint64_t columns, float missing, _Out_ void** out, int threads)";
  const out: Handle[] = [0n];
  library.call(create, values, count, width, Number.NaN, out, threads);
  return out[0] as Handle;
}

function sparse(library: XGBoostLibrary, rows: Extract<Rows, { kind: "sparse" }>, threads: number): Handle {
  const { offsets, columns, values, width } = rows;
  const pointers = BigUint64Array.from(offsets, BigInt);
  if (!library.isFrom(1, 6)) {
    const create =
      "int XGDMatrixCreateFromCSREx(const uint64_t* offsets, const unsigned int* columns, const float* values, uint64_t count, uint64_t entries, uint64_t width, _Out_ void** out)";
    return library.create(create, pointers, columns, values, pointers.length, values.length, width);
  }
  const create =
    "int XGDMatrixCreateFromCSR(const char* offsets, const char* columns, const char* values, uint64_t width, const char* config, _Out_ void** out)";
  const settings = `{"missing":NaN,"nthread":${threads}}`;
  const parts = [pointers, columns, values].map((array) => library.arrayInterface(array));
  return library.create(create, ...parts, width, settings);
}
