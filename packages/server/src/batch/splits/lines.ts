import type { Framing } from "./framing.ts";

const lineFeed = 0x0a;
const carriageReturn = 0x0d;

/** SplitType `Line`. A line keeps its end, and the last one needs none. */
export const lines: Framing = {
  unit: "line",
  endsByItself: true,
  endOf: (bytes, at) => bytes.indexOf(lineFeed, at) + 1 || -1,
  lastEnd: (bytes, limit) => (limit <= 0 ? 0 : bytes.lastIndexOf(lineFeed, limit - 1) + 1),
  content: (record) => (isBlank(record) ? undefined : record),
};

/** Whether a line has nothing but its end. */
function isBlank(record: Buffer): boolean {
  return record.every((byte) => byte === lineFeed || byte === carriageReturn);
}
