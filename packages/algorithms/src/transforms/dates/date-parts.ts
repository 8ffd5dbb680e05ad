import { valuesOf } from "../numbers.ts";
import { flag, listOf, oneOf } from "../options.ts";
import { type Column, numeric } from "../table/column.ts";
import { tableOf } from "../table/table.ts";
import type { TransformKind, TransformSpec } from "../transform.ts";

const parts = {
  year: (date: Date) => date.getUTCFullYear(),
  quarter: (date: Date) => Math.floor(date.getUTCMonth() / 3) + 1,
  month: (date: Date) => date.getUTCMonth() + 1,
  /** Of ISO 8601: week 1 has the year's first Thursday. */
  week: isoWeek,
  day: (date: Date) => date.getUTCDate(),
  "day of year": dayOfYear,
  /** Monday is 0. */
  "day of week": (date: Date) => (date.getUTCDay() + 6) % 7,
  "is weekend": (date: Date) => (date.getUTCDay() % 6 === 0 ? 1 : 0),
  hour: (date: Date) => date.getUTCHours(),
  minute: (date: Date) => date.getUTCMinutes(),
  second: (date: Date) => date.getUTCSeconds(),
  /** Seconds since 1970, with a fraction. */
  seconds: (date: Date) => date.getTime() / 1000,
} as const;

export type DatePart = keyof typeof parts;

/** How many values a part has before it begins again, and the first one. */
const cycles: Partial<Record<DatePart, { readonly length: number; readonly first: number }>> = {
  quarter: { length: 4, first: 1 },
  month: { length: 12, first: 1 },
  "day of week": { length: 7, first: 0 },
  hour: { length: 24, first: 0 },
  minute: { length: 60, first: 0 },
  second: { length: 60, first: 0 },
};

/** Numbers out of dates, in UTC: `COLUMN PART` for each part. */
export interface DatePartsSpec extends TransformSpec {
  readonly kind: "date-parts";
  /** By default year, month, day, day of week, day of year and hour. */
  readonly parts?: readonly DatePart[];
  /** Whether parts that begin again become places on a circle: `COLUMN PART sine` and `COLUMN PART cosine`. */
  readonly cyclic?: boolean;
}

interface State {
  readonly parts: readonly DatePart[];
  readonly cyclic: boolean;
}

export const dateParts: TransformKind<DatePartsSpec, State> = {
  kind: "date-parts",
  options: { parts: listOf(oneOf(...Object.keys(parts)), { least: 1 }), cyclic: flag },
  takes: ["date"],
  fit(_, { parts: wanted = ["year", "month", "day", "day of week", "day of year", "hour"], cyclic = false }) {
    return { state: { parts: wanted, cyclic } };
  },
  open({ parts: wanted, cyclic }) {
    return (table) =>
      tableOf(
        table.rows,
        [...table.columns].flatMap(([name, column]) => {
          const times = valuesOf(column, table.rows);
          return wanted.flatMap((part) => columnsOf(`${name} ${part}`, part, times, cyclic));
        }),
      );
  },
};

function columnsOf(name: string, part: DatePart, times: Float64Array, cyclic: boolean): [string, Column][] {
  const compute = parts[part];
  const values = times.map((time) => (Number.isNaN(time) ? time : compute(new Date(time))));
  const cycle = cyclic ? cycles[part] : undefined;
  if (cycle === undefined) return [[name, numeric(values)]];
  const angles = values.map((value) => (2 * Math.PI * (value - cycle.first)) / cycle.length);
  return [
    [`${name} sine`, numeric(angles.map(Math.sin))],
    [`${name} cosine`, numeric(angles.map(Math.cos))],
  ];
}

const dayMillis = 86_400_000;

function dayOfYear(date: Date): number {
  return Math.floor((date.getTime() - yearStart(date.getUTCFullYear())) / dayMillis) + 1;
}

function isoWeek(date: Date): number {
  const thursday = new Date(date.getTime() + (3 - ((date.getUTCDay() + 6) % 7)) * dayMillis);
  return Math.floor((dayOfYear(thursday) - 1) / 7) + 1;
}

function yearStart(year: number): number {
  const start = new Date(0);
  return start.setUTCFullYear(year);
}
