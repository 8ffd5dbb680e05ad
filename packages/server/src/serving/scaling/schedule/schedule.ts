import { fromCivil } from "./civil-time.ts";
import { nextCron, parseCron } from "./cron.ts";

/** When something runs. Times are milliseconds since 1970. */
export interface Schedule {
  /** The first time after `after`; `undefined` when there is none. */
  next(after: number): number | undefined;
}

/** Bounds of a schedule. */
export interface ScheduleTerms {
  /** Of `at` and `cron`; UTC where absent. */
  readonly zone?: string;
  readonly from?: number;
  readonly to?: number;
  /** What `rate` counts from, where it has no `from`. */
  readonly madeAt: number;
}

const unitMs: Readonly<Record<string, number>> = { minute: 60_000, hour: 3_600_000, day: 86_400_000 };

/**
 * Reads `at(yyyy-mm-ddThh:mm:ss)`, `rate(N minutes|hours|days)` or `cron(...)`.
 * @throws Error that says what is wrong with it.
 */
export function parseSchedule(text: string, terms: ScheduleTerms): Schedule {
  const [, kind, inner = ""] = /^(at|rate|cron)\((.*)\)$/u.exec(text.trim()) ?? [];
  const { zone = "UTC", from = Number.NEGATIVE_INFINITY, to = Number.POSITIVE_INFINITY } = terms;
  const run = kind === "at" ? atOf(inner, zone) : kind === "rate" ? rateOf(inner, terms) : undefined;
  const unbounded = run ?? (kind === "cron" ? cronOf(inner, zone) : undefined);
  if (unbounded === undefined) throw new Error("it must be at(...), rate(...) or cron(...)");
  return {
    next(after) {
      // Exclusive of `after`, inclusive of the first moment.
      const found = unbounded(Math.max(after, from - 1));
      return found === undefined || found > to ? undefined : found;
    },
  };
}

/** The last of the times that have come since `after`, when one has. */
export function lastDue(schedule: Schedule, after: number, now: number): number | undefined {
  // What runs often has run within the last day; looking further back step by step could take long.
  for (const since of [Math.max(after, now - 86_400_000), after]) {
    let due: number | undefined;
    for (let at = schedule.next(since); at !== undefined && at <= now; at = schedule.next(at)) due = at;
    if (due !== undefined) return due;
  }
  return undefined;
}

function atOf(text: string, zone: string): Schedule["next"] {
  const match = /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})$/u.exec(text);
  if (match === null) throw new Error("at(...) takes a time of the form yyyy-mm-ddThh:mm:ss");
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1).map(Number);
  const asUtc = new Date(Date.UTC(year, month - 1, day, hour, minute, second));
  if (asUtc.toISOString().slice(0, 19) !== text) throw new Error(`${text} is no time`);
  const at = fromCivil({ year, month, day, hour, minute, second }, zone);
  return (after) => (at > after ? at : undefined);
}

function rateOf(text: string, { from, madeAt }: ScheduleTerms): Schedule["next"] {
  const [, count = "", unit = "", plural] = /^(\d+)\s+(minute|hour|day)(s)?$/u.exec(text.trim()) ?? [];
  const every = Number(count) * (unitMs[unit] ?? 0);
  if (!(every > 0) || (Number(count) === 1) === (plural === "s")) {
    throw new Error("rate(...) takes a whole number and minutes, hours or days: rate(1 hour), rate(5 minutes)");
  }
  // With a start it begins there; without one the first time is one interval after it was made.
  const first = from ?? madeAt + every;
  return (after) => (after < first ? first : first + (Math.floor((after - first) / every) + 1) * every);
}

function cronOf(text: string, zone: string): Schedule["next"] {
  const cron = parseCron(text);
  return (after) => nextCron(cron, after, zone);
}
