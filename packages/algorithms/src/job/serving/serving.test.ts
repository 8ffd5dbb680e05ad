import { expect, test } from "vitest";
import { decodeRecord } from "../../formats/recordio-protobuf/decode.ts";
import { encodeRecordFrames } from "../../formats/recordio-protobuf/encode.ts";
import { framesIn } from "../../formats/recordio-protobuf/frames.ts";
import type { Predictions } from "../algorithm.ts";
import { negotiate } from "./negotiate.ts";
import { readRequest } from "./read-request.ts";
import { writeResponse } from "./write-response.ts";

test.for<[string | undefined, string]>([
  [undefined, "application/json"],
  ["", "application/json"],
  ["*/*", "application/json"],
  ["application/*", "application/json"],
  ["text/*", "text/csv"],
  ["text/csv", "text/csv"],
  ["Application/JSONLines; charset=utf-8", "application/jsonlines"],
  ["image/png, text/csv;q=0.5, application/x-recordio-protobuf;q=0.9", "application/x-recordio-protobuf"],
  ["application/json;q=0, text/csv", "text/csv"],
])("Accept %j is answered with %s", ([header, expected]) => {
  expect(negotiate(header, "application/json").type).toBe(expected);
});

test("an Accept that cannot be answered is 406", () => {
  expect(() => negotiate("image/png", "application/json")).toThrow(expect.objectContaining({ status: 406 }));
});

test("parameters of the accepted type reach the algorithm", () => {
  expect(negotiate("application/json; verbose=true", "text/csv").parameters.get("verbose")).toBe("true");
});

const dense = { kind: "dense", count: 2, width: 2, values: Float32Array.of(1, 2, 3, 4) };
const records = encodeRecordFrames(
  [
    [1, 2],
    [3, 4],
  ].map((values) => ({ features: new Map([["values", { type: "float32" as const, values }]]), label: new Map() })),
);

test.for<[string, string | Buffer]>([
  ["text/csv", "1,2\n3,4"],
  ["text/csv", "1,2\r\n\r\n3,4\r\n"],
  ["text/csv; charset=utf-8", " 1, 2 \n3,4\n"],
  ["text/csv;label_size=1", "9,1,2\n9,3,4"],
  ["application/json", '{"instances":[{"features":[1,2]},{"data":{"features":{"values":[3,4]}}}]}'],
  ["application/jsonlines", '{"features":[1,2]}\n\n{"data":{"features":{"values":[3,4]}}}\n'],
  ["application/x-recordio-protobuf", records],
])("%s rows are read: %j", ([type, body]) => {
  expect(readRequest(type, Buffer.from(body), 2)).toEqual({ rows: dense });
});

test("sparse instances make sparse rows, and dense ones among them are kept", () => {
  const body =
    '{"instances":[{"data":{"features":{"keys":[4,1],"shape":[5],"values":[40,10]}}},{"features":[1,2,3,4,5]}]}';
  expect(readRequest("application/json", Buffer.from(body), 5).rows).toEqual({
    kind: "sparse",
    count: 2,
    width: 5,
    offsets: Float64Array.of(0, 2, 7),
    columns: Uint32Array.of(1, 4, 0, 1, 2, 3, 4),
    values: Float32Array.of(10, 40, 1, 2, 3, 4, 5),
  });
});

test("configurations of instances reach the algorithm", () => {
  const body = '{"instances":[{"features":[1],"configuration":{"num_samples":3}},{"features":[2]}]}';
  expect(readRequest("application/json", Buffer.from(body), 1).configurations).toEqual([{ num_samples: 3 }, undefined]);
});

test.for<[string | undefined, string, number, string]>([
  [undefined, "1,2", 415, "No Content-Type was given"],
  ["image/png", "1,2", 415, "Content-Type 'image/png' is not supported"],
  ["text/csv", "", 400, "no rows"],
  ["text/csv", "1,2\n3", 400, "Row 2 has 1 features where the model takes 2"],
  ["text/csv", "1,2,3", 400, "Row 1 has 3 features where the model takes 2"],
  ["text/csv", "1,two", 400, "Value 2 of row 1 is not a number: 'two'"],
  ["text/csv;label_size=x", "1,2", 400, "label_size must be a whole number"],
  ["application/json", "{", 400, "The body is not JSON"],
  ["application/json", "[]", 400, 'a JSON object with a list "instances"'],
  ["application/json", '{"instances":[]}', 400, 'a JSON object with a list "instances"'],
  ["application/json", '{"instances":[1]}', 400, 'Instance 1 has no "features"'],
  ["application/json", '{"instances":[{"features":["a",1]}]}', 400, "Instance 1 must have a list of numbers"],
  ["application/json", '{"instances":[{"features":[1]}]}', 400, "Instance 1 has 1 features where the model takes 2"],
  [
    "application/json",
    '{"instances":[{"features":{"keys":[2],"shape":[2],"values":[1]}}]}',
    400,
    "has key 2, which is no column",
  ],
  ["application/json", '{"instances":[{"features":{"keys":[0],"values":[1]}}]}', 400, 'must have a "shape"'],
  [
    "application/json",
    '{"instances":[{"features":{"keys":[0,0],"shape":[2],"values":[1,2]}}]}',
    400,
    "names a key twice",
  ],
  ["application/jsonlines", '{"features":[1,2]}\n{', 400, "Line 2 is not JSON"],
  ["application/x-recordio-protobuf", "nonsense", 400, "record 1: expected a RecordIO frame"],
])("%s %j is %i", ([type, body, status, message]) => {
  expect(() => readRequest(type, Buffer.from(body), 2)).toThrow(
    expect.objectContaining({ status, message: expect.stringContaining(message) }),
  );
});

const predictions: Predictions = {
  rows: 2,
  columns: [
    { name: "score", width: 2, values: Float64Array.of(0.25, 0.75, Number.NaN, 1) },
    { name: "predicted_label", values: Float32Array.of(1, 0) },
  ],
};
const format = { wrapper: "predictions", defaultAccept: "application/json" } as const;

test("predictions are written in every type", () => {
  expect(writeResponse(predictions, "application/json", format)).toBe(
    '{"predictions":[{"score":[0.25,0.75],"predicted_label":1},{"score":[null,1],"predicted_label":0}]}',
  );
  expect(writeResponse(predictions, "application/jsonlines", format)).toBe(
    '{"score":[0.25,0.75],"predicted_label":1}\n{"score":[null,1],"predicted_label":0}',
  );
  expect(writeResponse(predictions, "text/csv", format)).toBe("0.25,0.75,1\nNaN,1,0");
  const body = writeResponse(predictions, "application/x-recordio-protobuf", format) as Buffer;
  const labels = [...framesIn(body, "answer")].map(({ bytes, at, end }) => decodeRecord(bytes, at, end).label);
  expect(labels[0]).toEqual(
    new Map([
      ["score", { type: "float32", values: Float32Array.of(0.25, 0.75) }],
      ["predicted_label", { type: "float32", values: Float32Array.of(1) }],
    ]),
  );
  expect(labels).toHaveLength(2);
});
