import type { LastChange, ScalableTargetValue } from "./scalable-target.ts";
import { type StepRule, stepCapacity } from "./step-adjustment.ts";

/** What one policy makes of its alarms at the moment. */
export type Signal =
  /** An alarm calls a step policy. */
  | {
      readonly kind: "step";
      readonly policy: string;
      readonly cause: string;
      readonly rule: StepRule;
      readonly cooldownMs: number;
      /** Metric minus threshold. */
      readonly breach: number;
      readonly isBelow: boolean;
    }
  /** Target tracking has more (`out`) or less (`in`) than its target. */
  | {
      readonly kind: "out" | "in";
      readonly policy: string;
      readonly cause: string;
      readonly cooldownMs: number;
      /** Metric over target. */
      readonly ratio: number;
      /** When the period of the metric began, milliseconds since 1970. */
      readonly measuredSince: number;
    }
  /** Target tracking that is not to have fewer. */
  | { readonly kind: "keep" };

/** All that a decision goes by. */
export interface Situation extends Pick<ScalableTargetValue, "min" | "max" | "suspended" | "last" | "acted"> {
  /** Milliseconds since 1970. */
  readonly now: number;
  /** What is asked for at the moment. */
  readonly current: number;
  /** Requests that wait for the first instance. */
  readonly held: number;
  readonly signals: readonly Signal[];
  /** After a change that no policy asked for, in milliseconds. */
  readonly cooldownMs: number;
}

/** What to do. */
export type Decision =
  | { readonly kind: "none" }
  /** A policy asks for what cannot be, or is already. */
  | { readonly kind: "idle"; readonly code: IdleCode; readonly cause: string }
  | {
      readonly kind: "change";
      readonly to: number;
      readonly cause: string;
      /** Without it, no cooldown begins: capacity was brought within its bounds. */
      readonly cooldownMs?: number;
      /** The policy that asked, when one did. */
      readonly policy?: string;
    };

export type IdleCode = "AlreadyAtMaxCapacity" | "AlreadyAtMinCapacity" | "AlreadyAtDesiredCapacity";

/** CloudWatch calls an action again every minute for as long as its alarm stays in the state. */
const repeatMs = 60_000;
const nothing: Decision = { kind: "none" };

interface Wish {
  readonly to: number;
  readonly signal: Exclude<Signal, { kind: "keep" }>;
}

/**
 * Decides about one scalable target. Of several policies the one that asks for the largest capacity wins; target tracking
 * policies scale in only together. Pure: all it knows is in the situation.
 */
export function decide(situation: Situation): Decision {
  const { now, current, min, max, suspended, held, last } = situation;
  // At zero although it may not be: somebody stopped it.
  if (current === 0 && min > 0) return nothing;
  if (current < min) return { kind: "change", to: min, cause: `minimum capacity was set to ${min}` };
  if (current > max) return { kind: "change", to: max, cause: `maximum capacity was set to ${max}` };
  if (current === 0 && held > 0 && max > 0 && !suspended.out) {
    const cause = "a request arrived while the capacity was 0";
    return { kind: "change", to: 1, cause, cooldownMs: situation.cooldownMs };
  }
  const wishes = wishesOf(situation);
  const outs = suspended.out ? [] : wishes.filter(({ to }) => to > current);
  if (outs.length > 0) return settle(largest(outs), situation);
  if (suspended.in || isCooling(last, now)) return nothing;
  const mayTrackIn = !situation.signals.some(({ kind }) => kind === "keep");
  const ins = wishes.filter(({ to, signal }) => to <= current && (signal.kind === "step" || mayTrackIn));
  return ins.length > 0 ? settle(largest(ins), situation) : nothing;
}

function wishesOf({ signals, current, last, acted, now }: Situation): Wish[] {
  const isOutCooling = last !== undefined && last.to > last.from && isCooling(last, now);
  return signals.flatMap((signal): Wish[] => {
    if (signal.kind === "keep") return [];
    if (signal.kind === "step") {
      if (now - (acted?.[signal.policy] ?? Number.NEGATIVE_INFINITY) < repeatMs) return [];
      // What was added already is part of what is added now.
      const base = isOutCooling ? last.from : current;
      const to = stepCapacity(signal.rule, base, signal.breach, signal.isBelow);
      return to === undefined || (isOutCooling && to <= current) ? [] : [{ to, signal }];
    }
    // A metric that was measured before the last change says nothing of the capacity since.
    const isOld = last !== undefined && (isOutCooling || signal.measuredSince < last.at);
    const base = signal.kind === "out" && isOld ? last.from : current;
    const to = Math.ceil(base * signal.ratio - 1e-9);
    return signal.kind === "out" && to <= current ? [] : [{ to: Math.max(0, to), signal }];
  });
}

function isCooling(last: LastChange | undefined, now: number): boolean {
  return last !== undefined && now < last.until;
}

function largest(wishes: readonly Wish[]): Wish {
  return wishes.reduce((best, wish) => (wish.to > best.to ? wish : best));
}

function settle({ to: asked, signal }: Wish, { current, min, max }: Situation): Decision {
  const { cause, cooldownMs, policy } = signal;
  const to = Math.min(max, Math.max(min, asked));
  if (to !== current) return { kind: "change", to, cause, cooldownMs, policy };
  const code = asked > max ? "AlreadyAtMaxCapacity" : asked < min ? "AlreadyAtMinCapacity" : "AlreadyAtDesiredCapacity";
  return { kind: "idle", code, cause };
}
