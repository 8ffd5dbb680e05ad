/** What a clock on the wall shows. Months and days count from 1. */
export interface Civil {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
}

const formats = new Map<string, Intl.DateTimeFormat>();

/** The clock's reading in a time zone. @param at - Milliseconds since 1970. */
export function toCivil(at: number, zone: string): Civil {
  const parts = new Map(
    formatOf(zone)
      .formatToParts(at)
      .map(({ type, value }) => [type, Number(value)]),
  );
  const part = (name: Intl.DateTimeFormatPartTypes): number => parts.get(name) ?? 0;
  return {
    ...{ year: part("year"), month: part("month"), day: part("day") },
    ...{ hour: part("hour"), minute: part("minute"), second: part("second") },
  };
}

/**
 * When a clock in a time zone shows that reading, in milliseconds since 1970: the first time where it does twice; where a change
 * of clocks skips it, as much after the change as the reading is.
 */
export function fromCivil(civil: Civil, zone: string): number {
  const asUtc = utcOf(civil);
  // The offset a day before and a day after are those on both sides of any change.
  const candidates = [asUtc - 86_400_000, asUtc + 86_400_000]
    .map((near) => asUtc - (utcOf(toCivil(near, zone)) - near))
    .filter((at, index, all) => all.indexOf(at) === index);
  const exact = candidates.filter((at) => utcOf(toCivil(at, zone)) === asUtc);
  return exact.length > 0 ? Math.min(...exact) : Math.max(...candidates);
}

/** Whether there is a time zone of that name. */
export function isTimeZone(zone: string): boolean {
  try {
    formatOf(zone);
    return true;
  } catch {
    // RangeError is Intl's way to say no.
    return false;
  }
}

export function daysInMonth(year: number, month: number): number {
  return new Date(Date.UTC(year, month, 0)).getUTCDate();
}

/** 1 for Sunday to 7 for Saturday. */
export function weekday(year: number, month: number, day: number): number {
  return new Date(Date.UTC(year, month - 1, day)).getUTCDay() + 1;
}

/** The reading as if it were one of UTC: for arithmetic with readings. */
export function utcOf({ year, month, day, hour, minute, second }: Civil): number {
  return Date.UTC(year, month - 1, day, hour, minute, second);
}

function formatOf(zone: string): Intl.DateTimeFormat {
  let format = formats.get(zone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat("en-US", {
      ...{ timeZone: zone, calendar: "iso8601", hourCycle: "h23" },
      ...{ year: "numeric", month: "numeric", day: "numeric" },
      ...{ hour: "numeric", minute: "numeric", second: "numeric" },
    });
    // There are some six hundred zones: no more names than that are kept.
    formats.set(zone, format);
  }
  return format;
}
