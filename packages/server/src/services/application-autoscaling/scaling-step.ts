import { ServiceError } from "../../errors.ts";
import type { Scope } from "../../scope.ts";
import { type Decision, decide, type Signal } from "../../serving/scaling/decide.ts";
import { type ScalableTargetValue, scalableTargetKey } from "../../serving/scaling/scalable-target.ts";
import type { ScalingPolicyValue } from "../../serving/scaling/scaling-policy.ts";
import { lastDue } from "../../serving/scaling/schedule/schedule.ts";
import type { StoredRecord, Write } from "../../store/store.ts";
import type { ScalingWorld } from "./reconcile.ts";
import type { ScalableResource, ScalableState } from "./scalable-resource.ts";
import { scalableResources } from "./scalable-resources.ts";
import { recordsOf, targetDeletion } from "./scalable-target/targets.ts";
import { type ActivityValue, activityKey, newActivity, outdatedActivities } from "./scaling-activity/activity.ts";
import { type ScheduledActionValue, scheduleOf } from "./scheduled-action/scheduled-action.ts";
import { defaultCooldownSeconds, signalsOf } from "./signals.ts";

/** Alarms of ten seconds are looked at as often. */
const lookMs = 10_000;
/** Without policies there is only the clock to watch, and what others do wakes the target. */
const idleMs = 60_000;

type Target = StoredRecord<ScalableTargetValue>;
type Change = Extract<Decision, { kind: "change" }>;

/** One look at one scalable target and what follows from it. Each write is one transaction: nothing is half done. */
export class ScalingStep {
  readonly #world: ScalingWorld;
  readonly #scope: Scope;
  readonly #target: Target;
  readonly #now: number;

  constructor(world: ScalingWorld, scope: Scope, target: Target) {
    this.#world = world;
    this.#scope = scope;
    this.#target = target;
    this.#now = world.clock.now();
  }

  /** @returns In how many milliseconds to look again, or that there is nothing left to look at. */
  async run(): Promise<number | "gone"> {
    const { store } = this.#world;
    const { value } = this.#target;
    const resource = scalableResources[value.dimension];
    const state = await resource.read(store, this.#scope, value.resourceId);
    if (state === undefined || state.incarnation !== value.incarnation) {
      await store.write(await targetDeletion(store, this.#scope, value));
      return "gone";
    }
    if (await this.#finishActivity(state, resource)) return 0;
    const actions = await recordsOf<ScheduledActionValue>(store, this.#scope, value, "scheduled-action");
    if (await this.#runDue(actions)) return 0;
    const policies = await recordsOf<ScalingPolicyValue>(store, this.#scope, value, "scaling-policy");
    const nextLook = Math.min(policies.length > 0 ? lookMs : idleMs, this.#untilDue(actions));
    // A deployment has numbers of its own; its end wakes the target.
    if (state.isBusy) return nextLook;
    const decision = await this.#decide(state, policies);
    if (decision.kind === "change") return (await this.#change(decision, state, resource)) ? 0 : nextLook;
    if (decision.kind === "idle") await this.#noteIdle(decision, state, resource);
    else await this.#forgetIdle();
    return nextLook;
  }

  /** Says what became of the last change, once that is known. @returns Whether something was written. */
  async #finishActivity(state: ScalableState, { noun }: ScalableResource): Promise<boolean> {
    const { activity, ...rest } = this.#target.value;
    if (activity === undefined) return false;
    const outcome = outcomeOf(activity.desired, state, noun);
    if (outcome === undefined) return false;
    const key = activityKey(this.#scope, rest, activity.name);
    const record = await this.#world.store.get<ActivityValue>(key);
    const writes: Write[] = [this.#update(rest)];
    if (record !== undefined) {
      writes.push({
        op: "update",
        key,
        value: { ...record.value, ...outcome, endedAt: this.#now },
        status: outcome.status,
      });
    }
    await this.#world.store.write(writes);
    return true;
  }

  async #decide(state: ScalableState, policies: readonly StoredRecord<ScalingPolicyValue>[]): Promise<Decision> {
    const { value } = this.#target;
    const signals: Signal[] = [];
    for (const policy of policies) signals.push(...(await signalsOf(this.#world, this.#scope, policy.value)));
    const cooldowns = policies.map(({ value: { step, tracking } }) => tracking?.ScaleInCooldown ?? step?.Cooldown);
    const cooldown = Math.max(0, ...cooldowns.map((seconds) => seconds ?? defaultCooldownSeconds));
    return decide({
      ...{ now: this.#now, current: state.desired, min: value.min, max: value.max, suspended: value.suspended },
      held: this.#world.held(this.#scope, value.resourceId),
      ...{ signals, cooldownMs: cooldown * 1_000 },
      ...(value.last !== undefined && { last: value.last }),
      ...(value.acted !== undefined && { acted: value.acted }),
    });
  }

  /** Changes the capacity and notes that it did. @returns Whether it could. */
  async #change(decision: Change, state: ScalableState, { noun }: ScalableResource): Promise<boolean> {
    const { idleBecause: _before, ...value } = this.#target.value;
    const { store, log } = this.#world;
    const about = { description: `Setting desired ${noun} to ${decision.to}.`, cause: decision.cause };
    let writes: Write[];
    try {
      writes = state.change(decision.to);
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error;
      const message = `Failed to set desired ${noun} to ${decision.to}. Reason: ${error.message}`;
      await this.#noteOnce(`${decision.to} ${error.message}`, { ...about, status: "Failed", message });
      return false;
    }
    const message = `Successfully set desired ${noun} to ${decision.to}. Waiting for change to be fulfilled by sagemaker.`;
    const started = { ...about, status: "InProgress", message, startedAt: this.#now } as const;
    const activity = newActivity(this.#scope, value, started);
    const next: ScalableTargetValue = {
      ...value,
      activity: { name: activity.name, desired: decision.to },
      ...(decision.cooldownMs !== undefined && {
        last: { at: this.#now, from: state.desired, to: decision.to, until: this.#now + decision.cooldownMs },
      }),
      ...(decision.policy !== undefined && { acted: { ...value.acted, [decision.policy]: this.#now } }),
    };
    const outdated = await outdatedActivities(store, this.#scope, value, this.#now);
    await store.write([this.#update(next), activity.write, ...writes, ...outdated]);
    log.info("capacity changed", {
      resource: value.resourceId,
      from: state.desired,
      to: decision.to,
      cause: decision.cause,
    });
    return true;
  }

  async #noteIdle(
    { code, cause }: Extract<Decision, { kind: "idle" }>,
    { desired }: ScalableState,
    { noun }: ScalableResource,
  ): Promise<void> {
    const { min, max } = this.#target.value;
    await this.#noteOnce(`${code} ${cause}`, {
      ...{ description: `Attempting to change desired ${noun}.`, cause, status: "Unfulfilled" },
      notScaled: { code, min, max, current: desired },
    });
  }

  async #forgetIdle(): Promise<void> {
    const { idleBecause, ...value } = this.#target.value;
    if (idleBecause !== undefined) await this.#world.store.write([this.#update(value)]);
  }

  /** Notes what was not done, unless that is what was noted last. */
  async #noteOnce(why: string, activity: Omit<ActivityValue, "id" | "resourceId" | "dimension" | "startedAt">) {
    const { value } = this.#target;
    if (value.idleBecause === why) return;
    const { write } = newActivity(this.#scope, value, { ...activity, startedAt: this.#now, endedAt: this.#now });
    await this.#world.store.write([this.#update({ ...value, idleBecause: why }), write]);
  }

  /** Runs the first of the scheduled actions that are due; of one that missed some of its times the last counts. */
  async #runDue(actions: readonly StoredRecord<ScheduledActionValue>[]): Promise<boolean> {
    let first: { readonly at: number; readonly action: StoredRecord<ScheduledActionValue> } | undefined;
    for (const action of actions) {
      const at = lastDue(scheduleOf(action.value), action.value.doneUntil, this.#now);
      if (at !== undefined && (first === undefined || at < first.at)) first = { at, action };
    }
    if (first === undefined) return false;
    const { at, action } = first;
    const { account, region, kind, name, version } = action;
    const ran: Write = {
      ...{ op: "update", key: { account, region, kind, name }, version },
      value: { ...action.value, doneUntil: at },
    };
    await this.#world.store.write([ran, ...this.#bounds(action.value)]);
    return true;
  }

  /** Sets the bounds that a scheduled action is about; capacity follows at the next look. */
  #bounds({ actionName, ...asked }: ScheduledActionValue): Write[] {
    const { value } = this.#target;
    if (value.suspended.scheduled) return [];
    const [min, max] = [asked.min ?? value.min, asked.max ?? value.max];
    const words = [
      ...(asked.min === undefined ? [] : [`min capacity to ${min}`]),
      ...(asked.max === undefined ? [] : [`max capacity to ${max}`]),
    ].join(" and ");
    const times = { startedAt: this.#now, endedAt: this.#now };
    const about = { description: `Setting ${words}`, cause: `scheduled action name ${actionName} was triggered` };
    if (min > max) {
      const message = `Failed to set ${words}. Reason: Maximum capacity cannot be less than minimum capacity`;
      return [newActivity(this.#scope, value, { ...about, ...times, status: "Failed", message }).write];
    }
    const message = `Successfully set ${words}`;
    const activity = newActivity(this.#scope, value, { ...about, ...times, status: "Successful", message });
    return [this.#update({ ...value, min, max }), activity.write];
  }

  #untilDue(actions: readonly StoredRecord<ScheduledActionValue>[]): number {
    if (this.#target.value.suspended.scheduled) return Number.POSITIVE_INFINITY;
    const next = actions.map(({ value }) => scheduleOf(value).next(this.#now) ?? Number.POSITIVE_INFINITY);
    return Math.max(0, Math.min(...next) - this.#now);
  }

  #update(value: ScalableTargetValue): Write {
    return { op: "update", key: scalableTargetKey(this.#scope, value), version: this.#target.version, value };
  }
}

/** What became of a change; `undefined` while it is under way. */
function outcomeOf(
  asked: number,
  { desired, isSettled, isBusy, failure }: ScalableState,
  noun: string,
): Pick<ActivityValue, "status" | "message"> | undefined {
  const done = `Successfully set desired ${noun} to ${asked}.`;
  if (desired !== asked)
    return { status: "Overridden", message: `${done} Another change to ${desired} came before it was fulfilled.` };
  if (isBusy) return undefined;
  if (isSettled) return { status: "Successful", message: `${done} Change successfully fulfilled by sagemaker.` };
  return failure === undefined
    ? undefined
    : { status: "Failed", message: `${done} However, it was not fulfilled by sagemaker: ${failure}` };
}
