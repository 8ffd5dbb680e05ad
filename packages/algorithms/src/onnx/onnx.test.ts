import { expect, test } from "vitest";
import { readInputs } from "./read-inputs.ts";
import type { Runtime, TensorData, ValueMetadata } from "./runtime.ts";
import { writeOutputs } from "./write-outputs.ts";

/** Keeps what it is given. */
class Tensor {
  readonly type: string;
  readonly data: TensorData;
  readonly dims: readonly number[];
  constructor(type: string, data: TensorData, dims: readonly number[]) {
    [this.type, this.data, this.dims] = [type, data, dims];
  }
}
const runtime = { Tensor } as unknown as Runtime;
const rows: ValueMetadata[] = [{ name: "X", isTensor: true, type: "float32", shape: ["batch", 2] }];
const columns: ValueMetadata[] = [
  { name: "age", isTensor: true, type: "int64", shape: [-1, 1] },
  { name: "job", isTensor: true, type: "string", shape: [-1, 1] },
];
const read = (inputs: readonly ValueMetadata[], type: string | undefined, body: string) =>
  readInputs(runtime, inputs, type, Buffer.from(body));

test.for<[string | undefined, string]>([
  ["text/csv", "1,2\r\n3,4\n"],
  ["application/json", "[[1,2],[3,4]]"],
  ["application/json; charset=utf-8", '{"instances":[[1,2],[3,4]]}'],
  [undefined, '{"inputs":{"X":[[1,2],[3,4]]}}'],
])("rows of %s are one tensor: %s", ([type, body]) => {
  expect(read(rows, type, body)).toEqual({ X: new Tensor("float32", Float32Array.of(1, 2, 3, 4), [2, 2]) });
});

test("rows of a model with several inputs are a column for each", () => {
  expect(read(columns, "text/csv", "41,clerk\n7,pupil\n")).toEqual({
    age: new Tensor("int64", BigInt64Array.of(41n, 7n), [2, 1]),
    job: new Tensor("string", ["clerk", "pupil"], [2, 1]),
  });
});

test.for<[readonly ValueMetadata[], string, string, RegExp]>([
  [rows, "text/csv", "1,2\n3\n", /not rectangular/u],
  [rows, "text/csv", "1,x\n", /wants numbers; "x" is none/u],
  [rows, "text/csv", "1,\n", /wants numbers; "" is none/u],
  [rows, "text/csv", "", /no row/u],
  [rows, "text/csv", "1,2,3\n", /has the shape \[1,3\]; the model wants \["batch",2\]/u],
  [rows, "application/json", "5", /Expected a list/u],
  [rows, "application/json", "{}", /Expected a list/u],
  [rows, "application/json", '{"inputs":{"Y":[[1,2]]}}', /no input Y; its inputs are X \(float32/u],
  [columns, "application/json", '{"inputs":{"age":[[1]]}}', /input job is missing/u],
  [columns, "text/csv", "1\n", /must have 2 values, one for each input/u],
  [columns, "text/csv", "1.5,clerk\n", /wants whole numbers; 1.5 is none/u],
  [[{ name: "m", isTensor: false }], "application/json", "[1]", /is no tensor/u],
])("a request that does not fit is refused: %#", ([inputs, type, body, message]) => {
  expect(() => read(inputs, type, body)).toThrow(
    expect.objectContaining({ status: 400, message: expect.stringMatching(message) }),
  );
});

test("another content type is refused", () => {
  expect(() => read(rows, "image/png", "")).toThrow(expect.objectContaining({ status: 415 }));
});

const outputs = {
  label: new Tensor("int64", BigInt64Array.of(2n, 0n), [2]),
  probabilities: new Tensor("float32", Float32Array.of(0.25, 0.75, 0.5, 0.5), [2, 2]),
};

test.for<[string | undefined, string]>([
  [undefined, '{"predictions":[{"label":2,"probabilities":[0.25,0.75]},{"label":0,"probabilities":[0.5,0.5]}]}'],
  ["application/jsonlines", '{"label":2,"probabilities":[0.25,0.75]}\n{"label":0,"probabilities":[0.5,0.5]}\n'],
  ["text/csv", "2,0.25,0.75\n0,0.5,0.5\n"],
])("outputs by rows are answered as %s", ([accept, body]) => {
  expect(writeOutputs(outputs, accept).body).toBe(body);
});

test("outputs without common rows are answered whole", () => {
  const odd = { ...outputs, loss: new Tensor("float32", Float32Array.of(0.5), []) };
  expect(writeOutputs(odd, undefined).body).toBe(
    '{"outputs":{"label":[2,0],"probabilities":[[0.25,0.75],[0.5,0.5]],"loss":0.5}}',
  );
  expect(() => writeOutputs(odd, "text/csv")).toThrow(expect.objectContaining({ status: 406 }));
});
