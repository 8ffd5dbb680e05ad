import { recode } from "../encode/categories.ts";
import { dates, type TextColumn } from "../table/column.ts";
import { tableOf } from "../table/table.ts";
import type { TransformKind, TransformSpec } from "../transform.ts";

/**
 * Reads dates, with or without a time of day and a zone, as ISO 8601 writes them: `2024-02-29`, `2024-02-29T12:30:00.5+01:00`,
 * also with a space for the T. Without a zone they are in UTC. What is no date becomes missing.
 */
export interface ParseDatesSpec extends TransformSpec {
  readonly kind: "parse-dates";
}

export const parseDates: TransformKind<ParseDatesSpec, Record<string, never>> = {
  kind: "parse-dates",
  options: {},
  takes: ["text"],
  fit: () => ({ state: {} }),
  open: () => (table) =>
    tableOf(
      table.rows,
      Array.from(
        table.columns,
        ([name, column]) => [name, dates(recode(column as TextColumn, timeOf, Number.NaN))] as const,
      ),
    ),
};

const iso =
  /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?)?\s*(Z|[+-]\d{2}(?::?\d{2})?)?$/i;
const minuteMillis = 60_000;

/** Milliseconds since 1970 in UTC; NaN for what is no date. */
export function timeOf(text: string): number {
  const found = iso.exec(text.trim());
  if (found === null) return Number.NaN;
  const [year, month, day, hour, minute, second] = found.slice(1, 7).map((part) => Number(part ?? 0)) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const time = Date.UTC(2000, month - 1, day, hour, minute, second);
  const date = new Date(time);
  date.setUTCFullYear(year); // Date.UTC takes years below 100 for those of the 20th century
  const isReal =
    date.getUTCMonth() === month - 1 && date.getUTCDate() === day && hour < 24 && minute < 60 && second < 60;
  if (!isReal) return Number.NaN;
  const fraction = Number(`0.${found[7] ?? 0}`) * 1000;
  return date.getTime() + fraction - zoneMinutes(found[8]) * minuteMillis;
}

function zoneMinutes(zone: string | undefined): number {
  if (zone === undefined || zone.toUpperCase() === "Z") return 0;
  const digits = zone.replace(":", "");
  const minutes = Number(digits.slice(1, 3)) * 60 + Number(digits.slice(3) || 0);
  return digits.startsWith("-") ? -minutes : minutes;
}
