import { createRequire } from "node:module";
import { join } from "node:path";

/** Values of a tensor, as the runtime has them. */
export type TensorData =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array
  | readonly string[];

/** What of ONNX Runtime's interface for Node is used here. */
export interface Runtime {
  readonly InferenceSession: { create(path: string, options: object): Promise<Session> };
  readonly Tensor: new (type: string, data: TensorData, dims: readonly number[]) => Tensor;
}

/** Values in row-major order. */
export interface Tensor {
  readonly type: string;
  readonly dims: readonly number[];
  readonly data: TensorData;
}

/** What a model says of an input or an output. */
export interface ValueMetadata {
  readonly name: string;
  readonly isTensor: boolean;
  /** `float32`, `int64`, `string`; of tensors. */
  readonly type?: string;
  /** Numbers, and names of what may differ from request to request; of tensors. */
  readonly shape?: readonly (number | string)[];
}

/** A loaded model. */
export interface Session {
  readonly inputMetadata: readonly ValueMetadata[];
  readonly outputMetadata: readonly ValueMetadata[];
  run(feeds: Readonly<Record<string, Tensor>>, fetches: readonly string[]): Promise<Readonly<Record<string, Tensor>>>;
}

/** @param folder - Folder of packages that has `onnxruntime-node`. */
export function loadRuntime(folder: string): Runtime {
  return createRequire(join(folder, "package.json"))("onnxruntime-node") as Runtime;
}
