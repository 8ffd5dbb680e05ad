import { daysInMonth, fromCivil, toCivil, utcOf, weekday } from "./civil-time.ts";

/** A cron expression, read: minutes and hours as lists, days as a question. */
export interface Cron {
  readonly minutes: readonly number[];
  readonly hours: readonly number[];
  readonly months: ReadonlySet<number>;
  readonly years: ReadonlySet<number> | undefined;
  /** Whether it runs on a day of a month that it runs in. */
  readonly onDay: (year: number, month: number, day: number) => boolean;
}

const monthNames = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const dayNames = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
/** No change of clocks moves them further. */
const mostShiftMs = 3 * 3_600_000;
/** Longer than any combination of days waits for its next year: 29 February after 1896 came in 1904. */
const horizonDays = 366 * 40;

/**
 * Reads six fields: minutes, hours, day of month, month, day of week (1 is Sunday), year; one of the days is `?`.
 * @throws Error that says which field is wrong.
 * @see https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
 */
export function parseCron(text: string): Cron {
  const fields = text.trim().split(/\s+/u);
  if (fields.length !== 6) throw new Error(`a cron expression has six fields, and this one has ${fields.length}`);
  const [minute = "", hour = "", dayOfMonth = "", month = "", dayOfWeek = "", year = ""] = fields.map((field) =>
    field.toUpperCase(),
  );
  if ((dayOfMonth === "?") === (dayOfWeek === "?")) {
    throw new Error("exactly one of day of month and day of week must be ?");
  }
  return {
    minutes: list("minutes", minute, 0, 59),
    hours: list("hours", hour, 0, 23),
    months: new Set(list("month", month, 1, 12, monthNames)),
    years: year === "*" ? undefined : new Set(list("year", year, 1970, 2199)),
    onDay: dayOfWeek === "?" ? daysOfMonth(dayOfMonth) : daysOfWeek(dayOfWeek),
  };
}

/**
 * The first time after `after` that it runs. A time that a change of clocks skips runs as much later; one that comes twice
 * runs once.
 * @param after - Milliseconds since 1970.
 * @returns Milliseconds since 1970; `undefined` when it never runs again.
 */
export function nextCron(cron: Cron, after: number, zone: string): number | undefined {
  const reading = utcOf(toCivil(after, zone));
  const before = after - mostShiftMs;
  // Readings up to the one at `after` are over, unless clocks have just skipped some.
  const isSteady = utcOf(toCivil(before, zone)) === reading - mostShiftMs;
  const over = isSteady ? reading : reading - mostShiftMs;
  const start = Math.floor(over / 86_400_000) * 86_400_000;
  for (let n = 0; n < horizonDays; n++) {
    const date = new Date(start + n * 86_400_000);
    const [year, month, day] = [date.getUTCFullYear(), date.getUTCMonth() + 1, date.getUTCDate()];
    if (cron.years?.has(year) === false || !cron.months.has(month) || !cron.onDay(year, month, day)) continue;
    for (const hour of cron.hours) {
      for (const minute of cron.minutes) {
        const civil = { year, month, day, hour, minute, second: 0 };
        if (utcOf(civil) <= over) continue;
        const at = fromCivil(civil, zone);
        if (at > after) return at;
      }
    }
  }
  return undefined;
}

/** `*`, `a`, `a-b`, `a/n`, `*\/n`, `a-b/n`, and lists of them, in ascending order. */
function list(what: string, field: string, least: number, most: number, names: readonly string[] = []): number[] {
  const found = new Set<number>();
  for (const part of field.split(",")) {
    const [, from = "", to, every] = /^(\*|[A-Z0-9]+)(?:-([A-Z0-9]+))?(?:\/(\d+))?$/u.exec(part) ?? [];
    const first = from === "*" ? least : valueOf(from, least, names);
    const last = to === undefined ? (from === "*" || every !== undefined ? most : first) : valueOf(to, least, names);
    const step = every === undefined ? 1 : Number(every);
    if (!(first >= least && last <= most && first <= last && step >= 1) || (from === "*" && to !== undefined)) {
      throw new Error(`${what}: ${JSON.stringify(part)} is not within ${least} and ${most}`);
    }
    for (let value = first; value <= last; value += step) found.add(value);
  }
  return [...found].sort((a, b) => a - b);
}

/** A number, or a name whose place counts from the field's least value. */
function valueOf(text: string, least: number, names: readonly string[]): number {
  const named = names.indexOf(text);
  if (named >= 0) return named + least;
  return /^\d+$/u.test(text) ? Number(text) : Number.NaN;
}

function daysOfMonth(field: string): Cron["onDay"] {
  if (field === "L") return (year, month, day) => day === daysInMonth(year, month);
  if (field === "LW") return (year, month, day) => day === nearestWeekday(year, month, daysInMonth(year, month));
  const [, near] = /^(\d{1,2})W$/u.exec(field) ?? [];
  if (near !== undefined) {
    const wanted = list("day of month", near, 1, 31)[0] as number;
    return (year, month, day) => wanted <= daysInMonth(year, month) && day === nearestWeekday(year, month, wanted);
  }
  const days = new Set(list("day of month", field, 1, 31));
  return (_year, _month, day) => days.has(day);
}

function daysOfWeek(field: string): Cron["onDay"] {
  const [, last] = /^([A-Z0-9]+?)L$/u.exec(field) ?? [];
  if (field === "L") return (year, month, day) => weekday(year, month, day) === 7;
  if (last !== undefined) {
    const wanted = list("day of week", last, 1, 7, dayNames)[0] as number;
    return (year, month, day) => weekday(year, month, day) === wanted && day + 7 > daysInMonth(year, month);
  }
  const [, name, nth] = /^([A-Z0-9]+)#([1-5])$/u.exec(field) ?? [];
  if (name !== undefined) {
    const wanted = list("day of week", name, 1, 7, dayNames)[0] as number;
    return (year, month, day) => weekday(year, month, day) === wanted && Math.ceil(day / 7) === Number(nth);
  }
  const days = new Set(list("day of week", field, 1, 7, dayNames));
  return (year, month, day) => days.has(weekday(year, month, day));
}

/** The Monday to Friday that is nearest, within the month. */
function nearestWeekday(year: number, month: number, day: number): number {
  const at = weekday(year, month, day);
  if (at === 7) return day > 1 ? day - 1 : day + 2;
  if (at === 1) return day < daysInMonth(year, month) ? day + 1 : day - 2;
  return day;
}
