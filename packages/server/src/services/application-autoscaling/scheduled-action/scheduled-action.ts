import type { ScalableId } from "../../../serving/scaling/scalable-target.ts";
import { parseSchedule, type Schedule } from "../../../serving/scaling/schedule/schedule.ts";

/** The value of a `scheduled-action` record. Times are milliseconds since 1970. */
export interface ScheduledActionValue extends ScalableId {
  readonly arn: string;
  readonly actionName: string;
  /** `at(...)`, `rate(...)` or `cron(...)`. */
  readonly schedule: string;
  readonly zone?: string;
  readonly start?: number;
  readonly end?: number;
  /** Bounds that it sets; at least one of them. */
  readonly min?: number;
  readonly max?: number;
  /** When its schedule was given, which is what rates count from. */
  readonly since: number;
  /** Times up to this one are over, whether it ran then or not. */
  readonly doneUntil: number;
}

/** When an action runs. @throws Error that says what is wrong with its schedule. */
export function scheduleOf(
  action: Pick<ScheduledActionValue, "schedule" | "zone" | "start" | "end" | "since">,
): Schedule {
  return parseSchedule(action.schedule, {
    ...(action.zone !== undefined && { zone: action.zone }),
    ...(action.start !== undefined && { from: action.start }),
    ...(action.end !== undefined && { to: action.end }),
    madeAt: action.since,
  });
}
