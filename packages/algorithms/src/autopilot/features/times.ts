import { timeOf } from "../data/time-of.ts";
import { momentsOf } from "./numbers.ts";
import type { FeatureStyle } from "./pipeline.ts";

const dayS = 86_400;

/** What a point in time is taken apart into. Trees take the parts; linear models their places on circles. */
const cycles = [
  { name: "month", size: 12, of: (time: Date) => time.getUTCMonth() },
  { name: "day", size: 31, of: (time: Date) => time.getUTCDate() - 1 },
  { name: "weekday", size: 7, of: (time: Date) => time.getUTCDay() },
  { name: "hour", size: 24, of: (time: Date) => time.getUTCHours() },
] as const;

/** A column of dates and times. */
export interface TimeEncoder {
  readonly kind: "time";
  readonly column: string;
  readonly names: readonly string[];
  /** For linear models: days since 1970 are scaled by these. */
  readonly scaled?: { readonly mean: number; readonly deviation: number };
}

/** Looks at a column. */
export function fitTime(column: string, texts: readonly string[], style: FeatureStyle): TimeEncoder {
  const parts = cycles.map(({ name }) => name);
  if (style === "tree") {
    return { kind: "time", column, names: ["days", "year", ...parts].map((part) => `${column} ${part}`) };
  }
  const days = texts.map((text) => timeOf(text) / dayS).filter((value) => !Number.isNaN(value));
  const { mean, deviation } = momentsOf(days);
  const names = ["days", ...parts.flatMap((part) => [`${part} sine`, `${part} cosine`])];
  return { kind: "time", column, names: names.map((part) => `${column} ${part}`), scaled: { mean, deviation } };
}

/** Writes a value's columns: gaps for trees, and zeros for linear models, where there is none. */
export function writeTime({ scaled, names }: TimeEncoder, text: string, into: Float32Array, at: number): void {
  const seconds = timeOf(text);
  if (Number.isNaN(seconds)) {
    into.fill(scaled ? 0 : Number.NaN, at, at + names.length);
    return;
  }
  const time = new Date(seconds * 1000);
  if (!scaled) {
    into[at] = seconds / dayS;
    into[at + 1] = time.getUTCFullYear();
    for (const [index, { of }] of cycles.entries()) into[at + 2 + index] = of(time);
    return;
  }
  into[at] = (seconds / dayS - scaled.mean) / scaled.deviation;
  for (const [index, { of, size }] of cycles.entries()) {
    const angle = (2 * Math.PI * of(time)) / size;
    into[at + 1 + 2 * index] = Math.sin(angle);
    into[at + 2 + 2 * index] = Math.cos(angle);
  }
}
