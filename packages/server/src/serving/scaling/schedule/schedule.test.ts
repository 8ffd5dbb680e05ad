import { expect, test } from "vitest";
import { isTimeZone } from "./civil-time.ts";
import { lastDue, parseSchedule } from "./schedule.ts";

const time = (iso: string) => Date.parse(iso.endsWith("Z") ? iso : `${iso}Z`);
const iso = (at: number | undefined) => (at === undefined ? undefined : new Date(at).toISOString().slice(0, 16));
/** The next runs after a time. */
function runs(text: string, after: string, count: number, zone?: string): (string | undefined)[] {
  const schedule = parseSchedule(text, { madeAt: time(after), ...(zone !== undefined && { zone }) });
  const found: (string | undefined)[] = [];
  let at: number | undefined = time(after);
  while (found.length < count && at !== undefined) found.push(iso((at = schedule.next(at))));
  return found;
}

test.for<[string, string, string, string[], string?]>([
  ["every day", "cron(0 9 * * ? *)", "2026-03-01T09:00", ["2026-03-02T09:00", "2026-03-03T09:00"]],
  ["steps and lists", "cron(0/30 8,20 ? * MON-FRI *)", "2026-05-01T20:00", ["2026-05-01T20:30", "2026-05-04T08:00"]],
  ["the last day", "cron(15 0 L * ? *)", "2028-02-10T00:00", ["2028-02-29T00:15", "2028-03-31T00:15"]],
  ["the last Friday", "cron(0 0 ? * 6L *)", "2026-01-01T00:00", ["2026-01-30T00:00", "2026-02-27T00:00"]],
  ["the second Tuesday", "cron(0 0 ? * TUE#2 *)", "2026-01-14T00:00", ["2026-02-10T00:00", "2026-03-10T00:00"]],
  ["near the 15th", "cron(0 0 15W * ? *)", "2026-02-01T00:00", ["2026-02-16T00:00", "2026-03-16T00:00"]],
  ["the last weekday", "cron(0 0 LW * ? *)", "2026-01-01T00:00", ["2026-01-30T00:00", "2026-02-27T00:00"]],
  ["leap days", "cron(0 0 29 2 ? *)", "2026-01-01T00:00", ["2028-02-29T00:00", "2032-02-29T00:00"]],
  ["months by name", "cron(0 12 1 JAN,JUL ? *)", "2026-01-01T12:00", ["2026-07-01T12:00", "2027-01-01T12:00"]],
  // Clocks go forward at 01:00 UTC on 29 March 2026, and back on 25 October.
  ["in a zone", "cron(30 8 * * ? *)", "2026-03-28T00:00", ["2026-03-28T07:30", "2026-03-29T06:30"], "Europe/Berlin"],
  [
    "a skipped time",
    "cron(30 2 * * ? *)",
    "2026-03-28T12:00",
    ["2026-03-29T01:30", "2026-03-30T00:30"],
    "Europe/Berlin",
  ],
  [
    "a doubled time",
    "cron(30 2 * * ? *)",
    "2026-10-24T12:00",
    ["2026-10-25T00:30", "2026-10-26T01:30"],
    "Europe/Berlin",
  ],
  [
    "west of Greenwich",
    "cron(0 22 * * ? *)",
    "2026-01-01T00:00",
    ["2026-01-01T06:00", "2026-01-02T06:00"],
    "America/Los_Angeles",
  ],
  ["rates", "rate(90 minutes)", "2026-01-01T00:00", ["2026-01-01T01:30", "2026-01-01T03:00"]],
])("%s", ([, text, after, expected, zone]) => {
  expect(runs(text, after, expected.length, zone)).toEqual(expected);
});

test("once is once, and a year in the past is never", () => {
  expect(runs("at(2026-06-01T10:00:00)", "2026-01-01T00:00", 2, "America/New_York")).toEqual([
    "2026-06-01T14:00",
    undefined,
  ]);
  expect(runs("cron(0 0 1 1 ? 2020)", "2026-01-01T00:00", 1)).toEqual([undefined]);
});

test("start and end bound it, both included; a rate counts from its start", () => {
  const terms = { madeAt: 0, from: time("2026-01-01T00:10"), to: time("2026-01-01T02:10") };
  const hourly = parseSchedule("rate(1 hour)", terms);
  expect(iso(hourly.next(0))).toBe("2026-01-01T00:10");
  expect(iso(hourly.next(time("2026-01-01T01:10")))).toBe("2026-01-01T02:10");
  expect(hourly.next(time("2026-01-01T02:10"))).toBeUndefined();
});

test("of what was missed the last counts, however long ago", () => {
  const daily = parseSchedule("cron(0 9 * * ? *)", { madeAt: 0 });
  const [march, june] = [time("2026-03-01T09:00"), time("2026-06-01T08:00")];
  expect(iso(lastDue(daily, march, june))).toBe("2026-05-31T09:00");
  expect(lastDue(daily, time("2026-05-31T09:00"), june)).toBeUndefined();
  const yearly = parseSchedule("cron(0 0 1 1 ? *)", { madeAt: 0 });
  expect(iso(lastDue(yearly, time("2025-06-01T00:00"), june))).toBe("2026-01-01T00:00");
  const often = parseSchedule("rate(1 minute)", { madeAt: 0 });
  expect(lastDue(often, 0, june)).toBe(june);
});

test.for<[string, RegExp]>([
  ["daily", /at\(\.\.\.\), rate\(\.\.\.\) or cron/u],
  ["at(2026-02-30T00:00:00)", /is no time/u],
  ["at(2026-02-03 00:00)", /yyyy-mm-ddThh:mm:ss/u],
  ["rate(1 minutes)", /rate\(1 hour\)/u],
  ["rate(5 minute)", /rate\(5 minutes\)/u],
  ["rate(0 minutes)", /rate/u],
  ["rate(2 weeks)", /rate/u],
  ["cron(0 9 * * *)", /six fields/u],
  ["cron(0 9 * * * *)", /exactly one of day of month and day of week/u],
  ["cron(0 9 ? * ? *)", /exactly one/u],
  ["cron(60 9 * * ? *)", /minutes: "60" is not within 0 and 59/u],
  ["cron(0 9 ? * FOO *)", /day of week: "FOO"/u],
  ["cron(0 9 0 * ? *)", /day of month: "0"/u],
])("refused: %s", ([text, message]) => {
  expect(() => parseSchedule(text, { madeAt: 0 })).toThrow(message);
});

test("time zones are told from other names", () => {
  expect(isTimeZone("Europe/Berlin")).toBe(true);
  expect(isTimeZone("Mars/Olympus")).toBe(false);
});
