import { describe, expect, test } from "vitest";
import { randomStream } from "../../numerics/random.ts";
import { channelOf } from "../../testkit/channel.ts";
import { hashBytes } from "./hash.ts";
import { readAddress } from "./ipv4.ts";
import { pairsOf } from "./pairs-of.ts";
import { parsePairs } from "./parse-pairs.ts";

const hashOf = (text: string) => hashBytes(Buffer.from(text), 0, Buffer.byteLength(text));
const parse = (text: string) => {
  const target = new Uint32Array(100);
  const bytes = Buffer.from(text);
  const { rows, fault } = parsePairs(bytes, 0, bytes.length, target);
  return { pairs: Array.from({ length: rows }, (_, i) => [target[2 * i], target[2 * i + 1]]), fault };
};

// Values of the reference implementation, seed 0.
test.for<[string, number]>([
  ["", 0],
  ["hello", 0x248bfa47],
  ["hello, world", 0x149bbb7f],
  ["The quick brown fox jumps over the lazy dog", 0x2e4ff723],
])("MurmurHash3 of %j", ([text, wanted]) => expect(hashOf(text)).toBe(wanted));

test.for<[string, number | undefined]>([
  ["0.0.0.0", 0],
  ["255.255.255.255", 0xffffffff],
  ["10.1.2.3", 0x0a010203],
  ["256.1.1.1", undefined],
  ["1.1.1", undefined],
  ["1.1.1.1.1", undefined],
  ["1.1.1.", undefined],
  ["1..1.1", undefined],
  ["1.1.1.1x", undefined],
  ["1.1.1.0001", undefined],
  ["::1", undefined],
  ["", undefined],
])("the address %j", ([text, wanted]) => expect(readAddress(Buffer.from(text), 0, text.length)).toBe(wanted));

describe("rows", () => {
  test("of every form", () => {
    const text = 'user-7,10.1.2.3\r\n\n"a, ""b""",1.1.1.1\n zoë ,"9.9.9.9"\nlast,0.0.0.1';
    expect(parse(text)).toEqual({
      pairs: [
        [hashOf("user-7"), 0x0a010203],
        [hashOf('a, "b"'), 0x01010101],
        [hashOf("zoë"), 0x09090909],
        [hashOf("last"), 1],
      ],
      fault: undefined,
    });
  });

  test.for<[string, string]>([
    ["a", "expected 2 values, an entity and an IPv4 address, found 1"],
    ["a,1.1.1.1,b", "expected 2 values, an entity and an IPv4 address, found more"],
    [",1.1.1.1", "value 1, the entity, is empty"],
    ["user,ip", "value 2 is not an IPv4 address in dotted form: 'ip' (training files have no header)"],
    ['"a,1.1.1.1', "a quote is not closed on its line"],
    ['"a"b,1.1.1.1', "a quote is not closed on its line"],
  ])("%j is none", ([row, problem]) => {
    expect(parse(`x,1.1.1.1\n${row}\n`)).toEqual({
      pairs: [[hashOf("x"), 0x01010101]],
      fault: { at: 10, problem },
    });
  });
});

describe("a channel of pairs", () => {
  const options = { labelWidth: 0, defaultContentType: "text/csv", isDense: true, hasPairs: true };
  const random = randomStream(1);
  const octet = () => Math.floor(random.uniform() * 256);
  const rows = Array.from({ length: 60_000 }, (_, i) => `user-${i},${octet()}.${octet()}.${octet()}.${octet()}`);

  test("has all rows of all files in order, wherever blocks end", async () => {
    const files = {
      "a.csv": `${rows.slice(0, 50_000).join("\n")}\n`,
      "b.csv": "",
      "c.csv": rows.slice(50_000).join("\r\n"),
    };
    const found: number[] = [];
    // Twice: kept rows, and rows of a block's own memory.
    const stream = channelOf({ files, contentType: "text/csv" }).stream(options);
    for (let pass = 0; pass < 2; pass++) {
      found.length = 0;
      for await (const { features } of stream) found.push(...pairsOf(features));
      const wanted = rows.flatMap((row) => {
        const [name = "", ip = ""] = row.split(",");
        return [hashOf(name), readAddress(Buffer.from(ip), 0, ip.length)];
      });
      expect(found).toEqual(wanted);
    }
  });

  test("names the line of a row that is none", async () => {
    const files = { "a.csv": `${rows.with(49_000, "user-1,10.0.0.256").join("\n")}\n` };
    const stream = channelOf({ files, contentType: "text/csv" }).stream(options);
    const readAll = async () => {
      for await (const { features } of stream) expect(features.width).toBe(2);
    };
    await expect(readAll()).rejects.toThrow(
      "train/a.csv, line 49001: value 2 is not an IPv4 address in dotted form: '10.0.0.256'",
    );
  });

  test("reads a row that is longer than what lies behind a block", async () => {
    const name = "n".repeat(700_000);
    const stream = channelOf({ files: { "a.csv": `${name},1.2.3.4\nb,4.3.2.1\n` }, contentType: "text/csv" }).stream(
      options,
    );
    const found: number[] = [];
    for await (const { features } of stream) found.push(...pairsOf(features));
    expect(found).toEqual([hashOf(name), 0x01020304, hashOf("b"), 0x04030201]);
  });
});
