const iso = /^(\d{4})-(\d{1,2})-(\d{1,2})(?:[T ](\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?)?(Z|[+-]\d{2}:?\d{2})?$/;
/** Month first, as pandas reads it; slashes only, since dots and dashes stand for both orders. */
const slashes = /^(\d{1,2})\/(\d{1,2})\/(\d{4})(?: (\d{1,2}):(\d{2})(?::(\d{2}))?)?$/;

/** Seconds since 1970 of a date, with or without a time of day; NaN where the text is none. */
export function timeOf(text: string): number {
  if (text.length < 8 || text.length > 35) return Number.NaN;
  const found = iso.exec(text);
  if (found) {
    const [, year, month, day, hour, minute, second, zone] = found;
    return seconds([year, month, day], [hour, minute, second]) - offsetOf(zone);
  }
  const [, month, day, year, hour, minute, second] = slashes.exec(text) ?? [];
  return year === undefined ? Number.NaN : seconds([year, month, day], [hour, minute, second]);
}

type Part = string | undefined;

function seconds([year, month, day]: readonly [Part, Part, Part], [hour, minute, second]: readonly [Part, Part, Part]) {
  const [y, m, d, h, min, s] = [year, month, day, hour ?? "0", minute ?? "0", second ?? "0"].map(Number) as number[];
  const isDate = (m as number) >= 1 && (m as number) <= 12 && (d as number) >= 1 && (d as number) <= 31;
  if (!isDate || (h as number) > 24 || (min as number) > 59) return Number.NaN;
  return Date.UTC(y as number, (m as number) - 1, d, h, min, s) / 1000;
}

function offsetOf(zone: Part): number {
  if (zone === undefined || zone === "Z") return 0;
  const sign = zone.startsWith("-") ? -1 : 1;
  return sign * (Number(zone.slice(1, 3)) * 3600 + Number(zone.slice(-2)) * 60);
}
