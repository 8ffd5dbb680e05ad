import { expect, test } from "vitest";
import { maxBodyBytes, ReceivedBody } from "./received-body.ts";

const bytes = Buffer.from(Array.from({ length: 600_000 }, (_, n) => (n * 31) % 251));

test.for([
  ["a large body of a known size", bytes, bytes.length],
  ["a large body of an unknown size", bytes, 0],
  ["a small body", bytes.subarray(0, 1_000), 1_000],
  ["no body", Buffer.alloc(0), 0],
  ["what says that it is larger than it may be, and is not", bytes, maxBodyBytes + 1],
] as const)("%s comes together as it was sent", ([, sent, announced]) => {
  const body = new ReceivedBody(announced);
  for (let at = 0; at < sent.length; at += 65_000) {
    const piece = Buffer.from(sent.subarray(at, at + 65_000));
    expect(body.add(piece)).toBe(true);
    // A piece's memory is the connection's again.
    if (announced === bytes.length) piece.fill(0);
  }
  expect(body.whole().equals(sent)).toBe(true);
});

test("more than a body may have is told, and not kept", () => {
  const body = new ReceivedBody(0);
  const piece = Buffer.alloc(maxBodyBytes / 4);
  expect(Array.from({ length: 6 }, () => body.add(piece))).toEqual([true, true, true, true, false, false]);
  expect(body.whole()).toHaveLength(0);
});
