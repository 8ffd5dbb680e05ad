import { expect, test } from "vitest";
import { LineAssembler } from "./line-assembler.ts";
import { type LogFrame, LogFrames } from "./log-frames.ts";
import { after, type LogCursor, logStart, newSince } from "./log-position.ts";

/** A frame as an engine sends it. */
function encoded(text: string, stamp = "2026-11-30T15:01:20.5Z", stream = 1): Buffer {
  const payload = Buffer.from(`${stamp} ${text}`);
  const head = Buffer.from([stream, 0, 0, 0, 0, 0, 0, 0]);
  head.writeUInt32BE(payload.length, 4);
  return Buffer.concat([head, payload]);
}

const second = Date.parse("2026-11-30T15:01:20Z") / 1000;

test("frames are found wherever the answer is cut", () => {
  const bytes = Buffer.concat([encoded("one\n"), encoded("two\n", "2026-11-30T15:01:20Z", 2)]);
  for (let cut = 0; cut <= bytes.length; cut++) {
    const frames = new LogFrames();
    const found = [...frames.take(bytes.subarray(0, cut)), ...frames.take(bytes.subarray(cut))];
    expect(found.map((frame) => ({ ...frame, text: frame.text.toString() }))).toEqual([
      { stream: 1, second, millis: 500, text: "one\n" },
      { stream: 2, second, millis: undefined, text: "two\n" },
    ]);
  }
});

test("what is no container's log is refused", () => {
  expect(() => new LogFrames().take(Buffer.from("{ 'cause': 'no such container' }"))).toThrow(/not a container's log/);
  expect(() => new LogFrames().take(encoded("x", "yesterday"))).toThrow(/without a time/);
});

const frame = (text: string, stream = 1, at = second, millis?: number): LogFrame => ({
  stream,
  second: at,
  millis,
  text: Buffer.from(text),
});

test("pieces become lines with the time of their first piece, each stream for itself", () => {
  const lines = new LineAssembler();
  const now = second * 1000 + 40;
  expect(lines.take(frame("to"), now)).toEqual([]);
  expect(String(lines.take(frame("error\n", 2), now + 10))).toBe(`${now + 10} error\n`);
  expect(String(lines.take(frame("gether\n", 1, second + 5), now + 5000))).toBe(`${now} together\n`);
  expect(lines.isEmpty).toBe(true);
  lines.take(frame("last", 1, second, 7), now);
  expect(lines.isEmpty).toBe(false);
  expect(lines.end().map(String)).toEqual([`${second * 1000 + 7} last\n`]);
});

test("a time told in seconds is kept within its second", () => {
  const lines = new LineAssembler();
  expect(String(lines.take(frame("late\n"), second * 1000 + 90_000))).toBe(`${second * 1000 + 999} late\n`);
  expect(String(lines.take(frame("early\n"), second * 1000 - 90_000))).toBe(`${second * 1000} early\n`);
});

test("a line of more than 64 KiB is cut", () => {
  const lines = new LineAssembler();
  const found = [...lines.take(frame("x".repeat(70_000)), 0), ...lines.take(frame("y\n"), 0)].map(
    (line) => line.length,
  );
  const head = `${second * 1000} \n`.length;
  expect(found).toEqual([65_536 + head, 70_000 - 65_536 + 1 + head]);
});

test("wherever copying stopped, reading again from that second on gives the rest and nothing twice", () => {
  const log = [1, 1, 2, 2, 2, 5, 6, 6].map((at, n) => frame(`${n}\n`, 1, second + at));
  let cursor: LogCursor = logStart;
  for (let seen = 0; seen <= log.length; seen++) {
    // Engines differ in whether the bound belongs to the answer: one second early is asked for.
    const again = cursor.frames === 0 ? log : log.filter((each) => each.second >= cursor.second - 1);
    expect(again.filter(newSince(cursor)).map(String)).toEqual(log.slice(seen).map(String));
    expect(again.filter(newSince(cursor))).toEqual(log.slice(seen));
    if (seen < log.length) cursor = after(cursor, log[seen] as LogFrame);
  }
});
