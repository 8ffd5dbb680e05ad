import type { DenseRows } from "../../formats/rows.ts";
import type { Handle, XGBoostLibrary } from "./library.ts";
import type { Matrix } from "./matrix.ts";

/** What is predicted: the objective's own answer, or the sum of the trees before the objective turns it into one. */
export type Prediction = "value" | "margin";

const inPlace =
  '"training":false,"iteration_begin":0,"iteration_end":0,"strict_shape":false,"missing":NaN,"cache_id":0}';
const valueConfig = `{"type":0,${inPlace}`;
const marginConfig = `{"type":1,${inPlace}`;

/** A model of the library's, being trained or trained. */
export class Booster implements Disposable {
  readonly #library: XGBoostLibrary;
  readonly #handle: Handle;

  private constructor(library: XGBoostLibrary, handle: Handle) {
    this.#library = library;
    this.#handle = handle;
  }

  static create(library: XGBoostLibrary, matrices: readonly Matrix[] = []): Booster {
    const handles = matrices.map(({ handle }) => handle);
    const create = "int XGBoosterCreate(void** matrices, uint64_t count, _Out_ void** out)";
    return new Booster(library, library.create(create, handles, handles.length));
  }

  set(name: string, value: string): void {
    this.#library.call(
      "int XGBoosterSetParam(void* h, const char* name, const char* value)",
      this.#handle,
      name,
      value,
    );
  }

  /** Adds the trees of one round. */
  update(round: number, train: Matrix): void {
    this.#library.call(
      "int XGBoosterUpdateOneIter(void* h, int round, void* train)",
      this.#handle,
      round,
      train.handle,
    );
  }

  /** Measures the model on some sets. @returns Metrics as `SET-METRIC` and value, in the library's order. */
  evaluate(round: number, sets: readonly { readonly name: string; readonly matrix: Matrix }[]): [string, number][] {
    const evaluate =
      "int XGBoosterEvalOneIter(void* h, int round, void** sets, const char** names, uint64_t count, _Out_ const char** out)";
    const out: string[] = [""];
    const handles = sets.map(({ matrix }) => matrix.handle);
    const names = sets.map(({ name }) => name);
    this.#library.call(evaluate, this.#handle, round, handles, names, sets.length, out);
    const parts = (out[0] ?? "").split("\t").slice(1);
    return parts.map((part) => {
      const at = part.lastIndexOf(":");
      return [part.slice(0, at), Number(part.slice(at + 1).replace(/^(-?)inf$/, "$1Infinity"))];
    });
  }

  /** Answers for all rows, row-major where a row has several. */
  predict(matrix: Matrix, what: Prediction): Float32Array {
    const predict =
      "int XGBoosterPredict(void* h, void* matrix, int mask, unsigned int trees, int training, _Out_ uint64_t* count, _Out_ void** out)";
    const count: (number | bigint)[] = [0];
    const out: Handle[] = [0n];
    this.#library.call(predict, this.#handle, matrix.handle, what === "margin" ? 1 : 0, 0, 0, count, out);
    return this.#library.floats(out[0] as Handle, Number(count[0]));
  }

  /**
   * Answers for dense rows where they lie, without a matrix: for few rows most of the time goes into making one. Only of
   * trees, and only where the version can (1.7 and later).
   */
  predictInPlace({ values, count, width }: DenseRows, what: Prediction): Float32Array {
    const predict =
      "int XGBoosterPredictFromDense(void* h, const char* values, const char* config, void* proxy, _Out_ void** shape, _Out_ uint64_t* dimensions, _Out_ void** out)";
    const shape: Handle[] = [0n];
    const dimensions: (number | bigint)[] = [0];
    const out: Handle[] = [0n];
    const rows = this.#library.matrixInterface(values, count, width);
    const config = what === "margin" ? marginConfig : valueConfig;
    this.#library.call(predict, this.#handle, rows, config, null, shape, dimensions, out);
    return this.#library.floats(out[0] as Handle, this.#library.product(shape[0] as Handle, Number(dimensions[0])));
  }

  /** The format is the version's own for files without a known ending. */
  save(path: string): void {
    this.#library.call("int XGBoosterSaveModel(void* h, const char* path)", this.#handle, path);
  }

  load(path: string): void {
    this.#library.call("int XGBoosterLoadModel(void* h, const char* path)", this.#handle, path);
  }

  /** The model in a format: `json`, `ubj`, or before 3.1 `deprecated`. Only where the version can (1.6 and later). */
  toBuffer(format: string): Buffer {
    const save = "int XGBoosterSaveModelToBuffer(void* h, const char* config, _Out_ uint64_t* count, _Out_ void** out)";
    const count: (number | bigint)[] = [0];
    const out: Handle[] = [0n];
    this.#library.call(save, this.#handle, `{"format":"${format}"}`, count, out);
    return this.#library.bytes(out[0] as Handle, Number(count[0]));
  }

  /** Columns of the rows that it was trained on. */
  features(): number {
    const out: (number | bigint)[] = [0];
    this.#library.call("int XGBoosterGetNumFeature(void* h, _Out_ uint64_t* out)", this.#handle, out);
    return Number(out[0]);
  }

  /** Settings of the model, among them its objective. */
  configuration(): { readonly learner: { readonly [part: string]: unknown } } {
    const count: (number | bigint)[] = [0];
    const out: string[] = [""];
    this.#library.call(
      "int XGBoosterSaveJsonConfig(void* h, _Out_ uint64_t* count, _Out_ const char** out)",
      ...[this.#handle, count, out],
    );
    return JSON.parse(out[0] ?? "{}");
  }

  /** The model as it was after some rounds. */
  firstRounds(rounds: number): Booster {
    const slice = "int XGBoosterSlice(void* h, int begin, int end, int step, _Out_ void** out)";
    return new Booster(this.#library, this.#library.create(slice, this.#handle, 0, rounds, 1));
  }

  setAttribute(name: string, value: string): void {
    this.#library.call("int XGBoosterSetAttr(void* h, const char* name, const char* value)", this.#handle, name, value);
  }

  attribute(name: string): string | undefined {
    const out: (string | null)[] = [null];
    const found: number[] = [0];
    this.#library.call(
      "int XGBoosterGetAttr(void* h, const char* name, _Out_ const char** out, _Out_ int* found)",
      ...[this.#handle, name, out, found],
    );
    return found[0] === 1 ? (out[0] ?? undefined) : undefined;
  }

  [Symbol.dispose](): void {
    this.#library.call("int XGBoosterFree(void* h)", this.#handle);
  }
}
