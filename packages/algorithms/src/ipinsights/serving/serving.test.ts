import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { hashBytes } from "../../formats/pairs/hash.ts";
import { writeFiles } from "../../testkit/channel.ts";
import { temporaryDirectory } from "../../testkit/temporary-directory.ts";
import { saveModel } from "../artifact.ts";
import { EntityTable } from "../entity-table.ts";
import { strideOf, weightRows } from "../network.ts";
import { openAnswers } from "../testkit/answer.ts";
import { load } from "./load.ts";

const shape = { vectorDim: 4, layers: 0, randoms: 1, shuffles: 1, rows: 1 };
const stride = strideOf(4);
const count = 1000;
const numberOf = (name: string) => hashBytes(Buffer.from(name), 0, Buffer.byteLength(name)) % count;

/** An encoder whose first number is the highest bit as 1 or -1, and whose others are 0.5; user-7 looks at the first alone. */
async function modelByHand(): Promise<string> {
  const directory = temporaryDirectory();
  const weights = new Float32Array(weightRows(0, stride) * stride);
  weights[0] = 1;
  weights.set([0, 0.5, 0.5, 0.5], 32 * stride);
  const entities = new EntityTable(count, stride);
  const row = new Float32Array(3 * stride);
  const staged = { table: row, entityOf: new Int32Array(1), groups: new Int32Array(2), groupRows: new Int32Array(1) };
  for (const [name, vector] of [
    ["user-7", [2, 0, 0, 0]],
    ["zoë", [0, 1, 1, 1]],
  ] as const) {
    entities.stage(Uint32Array.of(numberOf(name)), staged);
    row.set(vector);
    entities.settle(staged);
  }
  await saveModel(directory, { shape, weights, entities });
  return directory;
}

let directory: string;
let ask: Awaited<ReturnType<typeof openAnswers>>;
beforeAll(async () => {
  directory = await modelByHand();
  ask = await openAnswers(directory);
});

const high = "200.1.2.3";
const low = "10.1.2.3";

describe("requests", () => {
  const wanted = '{"predictions":[{"dot_product":2},{"dot_product":1.5}]}';

  test.for<[string, string]>([
    ["text/csv", `user-7,${high}\nzoë,${low}\n`],
    ["text/csv; charset=utf-8", `"user-7",${high}\r\n zoë ,"${low}"`],
    [
      "application/json",
      JSON.stringify({ instances: [{ features: ["user-7", high] }, { data: { features: { values: ["zoë", low] } } }] }),
    ],
    [
      "application/jsonlines",
      `{"features":["user-7","${high}"]}\n\n{"data":{"features":{"values":["zoë","${low}"]}}}\n`,
    ],
  ])("%s", ([contentType, body]) => expect(ask({ contentType, body })).toBe(wanted));

  test("an entity that was never seen says nothing of any address", () => {
    expect(ask({ body: `nobody,${high}` })).toBe('{"predictions":[{"dot_product":0}]}');
  });

  test("a pair has the same answer alone as among many", () => {
    const many = JSON.parse(ask({ body: `nobody,${low}\nzoë,${low}\n`.repeat(700) })) as { predictions: unknown[] };
    expect(many.predictions).toHaveLength(1400);
    expect(many.predictions[1399]).toEqual({ dot_product: 1.5 });
  });

  test.for<[number, string, string, string | undefined, string]>([
    [400, "", "The body has no rows.", "text/csv", "application/json"],
    [
      400,
      "user-7",
      "Row 1: expected 2 values, an entity and an IPv4 address, found 1.",
      "text/csv",
      "application/json",
    ],
    [
      400,
      "a,1.1.1.1\nb,1.1.1.999",
      "Row 2: value 2 is not an IPv4 address in dotted form: '1.1.1.999'.",
      "text/csv",
      "application/json",
    ],
    [400, "{", "The body is not JSON", "application/json", "application/json"],
    [400, "{}", 'a list "instances"', "application/json", "application/json"],
    [
      400,
      '{"instances":[{"features":["a"]}]}',
      "Instance 1 must have two strings",
      "application/json",
      "application/json",
    ],
    [400, '{"instances":[null]}', "Instance 1 must have two strings", "application/json", "application/json"],
    [
      400,
      '{"instances":[{"features":["a","b"]}]}',
      "Instance 1: 'b' is not an IPv4 address in dotted form.",
      "application/json",
      "application/json",
    ],
    [400, '{"features":["a","1.1.1.1"]}\nx', "Line 2 is not JSON", "application/jsonlines", "application/json"],
    [
      415,
      "x",
      "Content-Type 'application/x-recordio-protobuf' is not supported: expected one of text/csv, application/json, application/jsonlines.",
      "application/x-recordio-protobuf",
      "application/json",
    ],
    [415, "x", "No Content-Type was given", undefined, "application/json"],
    [406, "a,1.1.1.1", "Accept 'text/csv' cannot be answered", "text/csv", "text/csv"],
    [
      406,
      "a,1.1.1.1",
      "Accept 'application/x-recordio-protobuf' cannot be answered",
      "text/csv",
      "application/x-recordio-protobuf",
    ],
  ])("%i for %j: %s", async ([status, body, message, contentType, accept]) => {
    const model = await load(directory);
    expect(() => model.answer({ contentType, accept, body: Buffer.from(body) })).toThrow(
      expect.objectContaining({ status, message: expect.stringContaining(message) }),
    );
  });
});

describe("answers", () => {
  test.for(["application/json; verbose=True", "application/json;verbose=true"])("%s has both vectors", (accept) => {
    expect(ask({ body: `user-7,${high}\nnobody,${low}`, accept })).toBe(
      '{"predictions":[{"dot_product":2,"entity_embedding":[2,0,0,0],"ip_embedding":[1,0.5,0.5,0.5]},{"dot_product":0,"entity_embedding":[0,0,0,0],"ip_embedding":[-1,0.5,0.5,0.5]}]}',
    );
  });

  test("application/jsonlines has an object a line", () => {
    const body = `user-7,${high}\nzoë,${low}`;
    expect(ask({ body, accept: "application/jsonlines" })).toBe('{"dot_product":2}\n{"dot_product":1.5}');
    expect(ask({ body: `zoë,${low}`, accept: "application/jsonlines; verbose=True" })).toBe(
      '{"dot_product":1.5,"entity_embedding":[0,1,1,1],"ip_embedding":[-1,0.5,0.5,0.5]}',
    );
  });
});

describe("an artifact", () => {
  const changed = (change: (bytes: Buffer) => Buffer): string => {
    const other = temporaryDirectory();
    writeFileSync(join(other, "model_algo-1"), change(readFileSync(join(directory, "model_algo-1"))));
    return other;
  };

  test("that is none is refused with what it is", async () => {
    const other = temporaryDirectory();
    writeFiles(other, { "model_algo-1": "pickle" });
    await expect(load(other)).rejects.toThrow("model_algo-1 is no model that was trained here");
  });

  test("that is cut off, or has a number that is none, is refused", async () => {
    await expect(load(changed((bytes) => bytes.subarray(0, -4)))).rejects.toThrow("model_algo-1 is damaged: it has");
    const nan = (bytes: Buffer) => {
      bytes.writeFloatLE(Number.NaN, bytes.length - 4);
      return bytes;
    };
    await expect(load(changed(nan))).rejects.toThrow("a number is not finite");
    const huge = (bytes: Buffer) =>
      Buffer.from(bytes.toString("latin1").replace('"vectorDim":4', '"vectorDim":9999'), "latin1");
    await expect(load(changed(huge))).rejects.toThrow("a size is 9999");
  });

  test("whose entities are out of order is refused", async () => {
    const begin = (bytes: Buffer) => bytes.indexOf(0x0a) + 1 + 4 * weightRows(0, stride) * stride;
    const swapped = (bytes: Buffer) => {
      bytes.writeUInt32LE(bytes.readUInt32LE(begin(bytes) + 4), begin(bytes));
      return bytes;
    };
    await expect(load(changed(swapped))).rejects.toThrow("its entities are not in order");
  });
});
