import type { RunState } from "../../../engines/engine.ts";
import type { PreparedModel } from "../../../serving/artifacts/model-cache.ts";
import { allAtOnce, bakingMs, type Deployment, wantedInstances } from "../../../serving/deployment.ts";
import {
  type EndpointValue,
  type Fleet,
  fleetOf,
  type Instance,
  instancesOf,
  pinned,
  type Variant,
} from "../../../serving/fleet.ts";
import type { Health } from "../../../serving/health.ts";

/** The world as one look at it found it. */
export interface Sight {
  /** Milliseconds since 1970. */
  readonly now: number;
  run(runId: string): RunState;
  health(runId: string): Health;
  /** Requests under way. */
  outstanding(runId: string): number;
  /** Why this host cannot run the variant, when that is so. */
  refusal(variant: Variant): string | undefined;
  /** Most instances that there is room for; without it, as many as are wanted. */
  readonly room?: (variant: Variant) => number;
  /** Why the engine refused to start the run, when it did. */
  refused(runId: string): string | undefined;
  /** The variant's model; ready where it has none. */
  model(fleet: Fleet, variant: Variant): PreparedModel;
  /** An alarm that watches the deployment and is in ALARM. */
  alarm(): string | undefined;
  /** Last lines of the run's log, for people. */
  lastWords(runId: string): string;
}

export interface EndpointState {
  readonly status: string;
  readonly value: EndpointValue;
}

/** What to do next. Effects are safe to repeat; `next` is written after them and only when it differs. */
export interface Plan {
  readonly start: readonly { readonly instance: Instance; readonly variant: Variant }[];
  readonly stop: readonly string[];
  readonly remove: readonly string[];
  readonly next: EndpointState;
  /** Nothing is left of a deleted endpoint: its record may go. */
  readonly isGone: boolean;
  /** Look again after so many milliseconds, should nothing wake us earlier. */
  readonly againMs: number;
}

/** An invocation may take this long, so that is how long a leaving instance may need for its last one. */
const drainMs = 60_000;
/** The same of an asynchronous invocation, at its longest. */
const asyncDrainMs = 3_600_000;
/** An instance whose ping fails for longer than any invocation may block it is replaced. */
const hungMs = 90_000;
/** A run that dies earlier than this after its start counts as crashing, and its successor waits. */
const shortLifeMs = 60_000;
const maxBackoffMs = 30_000;
/** A new fleet is given up after so many instances in a row died before their first good ping. */
export const maxStartupCrashes = 3;
/** How often alarms are looked at while a deployment bakes. */
const alarmPollMs = 1_000;
/** FailureReason holds no more. */
const maxReasonLength = 1_024;

/** Decides one step for one endpoint. Pure: all it knows of the world is in `sight`. */
export function planEndpoint(state: EndpointState, sight: Sight): Plan {
  const draft = new Draft(state.value, sight);
  if (state.status === "Deleting") {
    draft.eachInstance((instance) => draft.end(instance));
    return draft.plan("Deleting");
  }
  draft.eachInstance((instance, variant, fleet) => draft.advance(instance, variant, fleet));
  const broken = draft.brokenReason();
  if (broken !== undefined) return draft.giveUp(broken);
  draft.shrink();
  draft.fill();
  return draft.settle(state.status);
}

/** The record as it is being changed, and the effects that go with it. */
class Draft {
  #value: EndpointValue;
  readonly #sight: Sight;
  readonly #start: { instance: Instance; variant: Variant }[] = [];
  readonly #stop: string[] = [];
  readonly #remove: string[] = [];
  #againMs = 10_000;

  constructor(value: EndpointValue, sight: Sight) {
    this.#value = value;
    this.#sight = sight;
  }

  /** Replaces each instance by what `change` returns for it; `undefined` drops it. */
  eachInstance(change: (instance: Instance, variant: Variant, fleet: Fleet) => Instance | undefined): void {
    for (const fleet of this.#value.fleets) {
      for (const variant of fleet.variants) {
        const instances = variant.instances.flatMap((instance) => change(instance, variant, fleet) ?? []);
        this.#setVariant(fleet.id, variant.name, (now) => ({ ...now, instances }));
      }
    }
  }

  advance(instance: Instance, variant: Variant, fleet: Fleet): Instance | undefined {
    if (instance.phase === "draining") return this.#drain(instance, fleet);
    if (fleet.role === "outgoing") return this.#drain(this.#draining(instance), fleet);
    return instance.phase === "starting"
      ? this.#advanceStarting(instance, variant, fleet)
      : this.#advanceReady(instance, variant, fleet);
  }

  /** Ends an instance without waiting for its requests. */
  end(instance: Instance): Instance | undefined {
    const run = this.#sight.run(instance.runId);
    if (run.phase === "running" || run.phase === "pending") {
      this.#stop.push(instance.runId);
      this.#lookAgain(1_000);
      return this.#draining(instance);
    }
    const isThere = run.phase !== "absent" || this.#sight.refused(instance.runId) !== undefined;
    if (isThere) this.#remove.push(instance.runId);
    return undefined;
  }

  /** Why the incoming fleet will never come up, when that is so. */
  brokenReason(): string | undefined {
    const fleet = fleetOf(this.#value, "incoming");
    for (const variant of fleet?.variants ?? []) {
      const reason = this.#variantBroken(fleet as Fleet, variant);
      if (reason !== undefined) return reason;
    }
    return undefined;
  }

  /** Takes the incoming fleet down. Whatever served before goes on. */
  giveUp(failureReason: string): Plan {
    const hadActive = fleetOf(this.#value, "active") !== undefined;
    if (hadActive) return this.#rollBack(failureReason);
    this.#setRole("incoming", "outgoing");
    this.#start.length = 0;
    this.#value = { ...this.#value, failureReason };
    this.#lookAgain(0);
    return this.plan("Failed");
  }

  /** Lets instances go that are too many, those first that serve least: not ready ones, then the newest. */
  shrink(): void {
    for (const fleet of this.#value.fleets) {
      if (fleet.role === "outgoing") continue;
      for (const variant of fleet.variants) {
        const alive = variant.instances.filter(({ phase }) => phase !== "draining");
        const ready = alive.filter(({ phase }) => phase === "ready");
        const kept = [...ready, ...alive.filter(({ phase }) => phase !== "ready")].slice(
          0,
          this.#wanted(fleet, variant),
        );
        if (kept.length === alive.length) continue;
        const instances = variant.instances.map((each) => (kept.includes(each) ? each : this.#draining(each)));
        this.#setVariant(fleet.id, variant.name, (now) => ({ ...now, instances }));
        this.#lookAgain(0);
      }
    }
  }

  /** Adds the instances that are missing. They start at the next look, when the record knows their names. */
  fill(): void {
    for (const fleet of this.#value.fleets) {
      if (fleet.role === "outgoing") continue;
      if (fleet.role === "incoming" && this.#value.deployment?.rollingBack !== undefined) continue;
      for (const variant of fleet.variants) {
        const alive = variant.instances.filter(({ phase }) => phase !== "draining").length;
        const missing = Math.max(0, this.#wanted(fleet, variant) - alive);
        const waitMs = missing > 0 ? this.#backoffLeft(variant) : 0;
        if (waitMs > 0) this.#lookAgain(waitMs);
        else for (let i = 0; i < missing; i++) this.#addInstance(fleet.id, variant.name);
      }
    }
  }

  /** Moves traffic to the incoming fleet, as far as it is up and its last step has baked. */
  settle(status: string): Plan {
    const incoming = fleetOf(this.#value, "incoming");
    if (incoming === undefined) return this.#settleCounts(status);
    if (fleetOf(this.#value, "active") === undefined) return this.#isUp(incoming) ? this.#finish() : this.plan(status);
    const deployment = this.#deployment();
    if (deployment.rollingBack !== undefined) return this.#rollBack(deployment.rollingBack);
    const ended = this.#endedBy(deployment, incoming);
    if (ended !== undefined) return this.#rollBack(ended);
    const bakesForMs = deployment.since + bakingMs(deployment) - this.#sight.now;
    if (deployment.taken > 0 && bakesForMs > 0) {
      // Alarms are looked at while it bakes.
      this.#lookAgain(deployment.alarms.length > 0 ? Math.min(bakesForMs, alarmPollMs) : bakesForMs);
      return this.plan(status);
    }
    if (deployment.taken === deployment.shares.length) return this.#finish();
    const waits = deployment.kind === "rolling" && deployment.taken > 0 && this.#isLeaving();
    if (waits || !this.#isUp(incoming)) return this.plan(status);
    const next = { ...deployment, taken: deployment.taken + 1, since: this.#sight.now };
    this.#value = { ...this.#value, deployment: next };
    this.#lookAgain(0);
    return next.taken === next.shares.length && next.terminationWaitMs === 0 ? this.#finish() : this.plan(status);
  }

  /** The incoming fleet takes over for good. */
  #finish(): Plan {
    const configName = fleetOf(this.#value, "incoming")?.configName ?? this.#value.configName;
    this.#setRole("active", "outgoing");
    this.#setRole("incoming", "active");
    const { failureReason: _outdated, deployment: _over, deploymentConfig, ...rest } = this.#value;
    const last = deploymentConfig === undefined ? {} : { lastDeploymentConfig: deploymentConfig };
    this.#value = { ...rest, configName, ...last };
    this.#lookAgain(0);
    return this.plan("InService");
  }

  /**
   * Gives all traffic back to the active fleet. A rolling deployment has let some of its instances go, so those come up
   * again first, unless what replaced them does not work either.
   */
  #rollBack(reason: string): Plan {
    const deployment = { ...this.#deployment(), rollingBack: reason };
    this.#value = { ...this.#value, deployment };
    const [active, incoming] = [fleetOf(this.#value, "active"), fleetOf(this.#value, "incoming")];
    const isShort = active !== undefined && !this.#isUp(active);
    if (deployment.kind === "rolling" && isShort && incoming !== undefined && this.#isUp(incoming)) {
      this.fill();
      this.#lookAgain(1_000);
      return this.plan("RollingBack");
    }
    this.#setRole("incoming", "outgoing");
    this.#start.length = 0;
    const { deployment: _over, deploymentConfig: _asked, ...rest } = this.#value;
    this.#value = { ...rest, failureReason: reason };
    this.#lookAgain(0);
    return this.plan("InService");
  }

  /** Why the deployment must not go on, when that is so. */
  #endedBy({ maximumMs, taken }: Deployment, incoming: Fleet): string | undefined {
    const alarm = taken > 0 ? this.#sight.alarm() : undefined;
    if (alarm !== undefined)
      return `Alarm ${alarm} went into ALARM during the deployment; traffic went back to the old fleet.`;
    if (maximumMs === undefined) return undefined;
    const leftMs = incoming.since + maximumMs - this.#sight.now;
    this.#lookAgain(Math.max(0, leftMs));
    if (leftMs > 0) return undefined;
    return `The deployment took longer than MaximumExecutionTimeoutInSeconds (${maximumMs / 1_000}); traffic went back to the old fleet.`;
  }

  #deployment(): Deployment {
    return this.#value.deployment ?? allAtOnce;
  }

  #wanted(fleet: Fleet, variant: Variant): number {
    const isDeploying = fleetOf(this.#value, "incoming") !== undefined && fleetOf(this.#value, "active") !== undefined;
    const deployment = isDeploying ? this.#deployment() : undefined;
    const wanted = wantedInstances(fleet, variant, deployment, this.#sight.now, this.#isLeaving());
    return variant.hostsComponents ? 0 : Math.min(wanted, this.#sight.room?.(variant) ?? wanted);
  }

  /** Whether instances of the fleet that serves are on their way out. */
  #isLeaving(): boolean {
    const variants = fleetOf(this.#value, "active")?.variants ?? [];
    return variants.some(({ instances }) => instances.some(({ phase }) => phase === "draining"));
  }

  #isUp(fleet: Fleet): boolean {
    return fleet.variants.every(
      (variant) => variant.instances.filter(({ phase }) => phase === "ready").length >= this.#wanted(fleet, variant),
    );
  }

  /** Ends an update of instance counts: when all are there, or when they will not come up. */
  #settleCounts(status: string): Plan {
    const active = fleetOf(this.#value, "active");
    if (status !== "Updating" || active === undefined) return this.plan(status);
    for (const { name, crashes } of active.variants) {
      if (crashes === undefined || crashes.count < maxStartupCrashes) continue;
      // It goes on trying; whoever asked must be able to ask for something else.
      this.#value = { ...this.#value, failureReason: pingFailure(name, crashes.reason) };
      return this.plan("InService");
    }
    const isDone = active.variants.every(
      (variant) => variant.instances.filter(({ phase }) => phase === "ready").length === this.#wanted(active, variant),
    );
    return this.plan(isDone ? "InService" : status);
  }

  plan(status: string): Plan {
    const fleets = this.#value.fleets.filter(
      ({ role, variants }) => role !== "outgoing" || variants.some(({ instances }) => instances.length > 0),
    );
    const value = { ...this.#value, fleets };
    return {
      start: this.#start,
      stop: this.#stop,
      remove: this.#remove,
      next: { status, value },
      isGone: status === "Deleting" && instancesOf(value).length === 0,
      againMs: this.#againMs,
    };
  }

  #drain(instance: Instance, fleet: Fleet): Instance | undefined {
    const idle = this.#sight.outstanding(instance.runId) === 0;
    // At least one look lies between the record's change and the end, so that no new request is on its way.
    const isFresh = instance.since === this.#sight.now;
    const overdue = this.#sight.now - instance.since > (fleet.asynchronous ? asyncDrainMs : drainMs);
    const run = this.#sight.run(instance.runId);
    const isOver = run.phase !== "running" && run.phase !== "pending";
    if (isOver || overdue || (idle && !isFresh)) return this.end(instance);
    this.#lookAgain(50);
    return instance;
  }

  #advanceStarting(instance: Instance, variant: Variant, fleet: Fleet): Instance | undefined {
    const { now } = this.#sight;
    const run = this.#sight.run(instance.runId);
    if (run.phase === "exited" || run.phase === "lost") {
      this.#remove.push(instance.runId);
      this.#noteCrash(fleet, variant, exitReason(run, this.#sight.lastWords(instance.runId)));
      return undefined;
    }
    if (run.phase === "absent") {
      const refused = this.#sight.refused(instance.runId);
      // A fleet that has never served is given up for it instead; see `brokenReason`.
      if (refused !== undefined && fleet.role !== "incoming") {
        this.#remove.push(instance.runId);
        this.#noteCrash(fleet, variant, refused);
        return undefined;
      }
      if (refused === undefined) this.#startWithModel(instance, variant, fleet);
      return instance;
    }
    this.#lookAgain(run.phase === "pending" ? 20 : 1_000);
    if (run.phase === "pending") return instance;
    if (this.#sight.health(instance.runId).passed) {
      return { ...instance, phase: "ready", since: now, address: run.address };
    }
    // A fleet that has never served is given up for it instead; see `brokenReason`.
    if (!isLate(run, variant, now) || fleet.role === "incoming") return instance;
    this.#noteCrash(fleet, variant, noPing(variant));
    return this.end(instance);
  }

  #startWithModel(instance: Instance, variant: Variant, fleet: Fleet): void {
    const model = this.#sight.model(fleet, variant);
    this.#lookAgain(model.state === "refused" ? 30_000 : 1_000);
    if (model.state !== "ready") return;
    this.#start.push({ instance, variant });
    this.#setVariant(fleet.id, variant.name, (now) => ({
      ...now,
      container: pinned(now.container, model),
      ...(now.further && { further: now.further.map((each, at) => pinned(each, model.further?.[at] ?? { key: "" })) }),
    }));
  }

  #advanceReady(instance: Instance, variant: Variant, fleet: Fleet): Instance | undefined {
    const { now } = this.#sight;
    const run = this.#sight.run(instance.runId);
    if (run.phase === "running") {
      const { failingSince } = this.#sight.health(instance.runId);
      if (failingSince === undefined) return { ...instance, address: run.address };
      this.#lookAgain(1_000);
      if (now - failingSince <= hungMs) return instance;
      return this.end(instance);
    }
    if (run.phase === "pending") return instance;
    if (run.phase !== "absent") this.#remove.push(instance.runId);
    if (run.phase === "exited" && run.endedAt - run.startedAt < shortLifeMs) {
      this.#noteCrash(fleet, variant, exitReason(run, this.#sight.lastWords(instance.runId)));
    } else this.#setVariant(fleet.id, variant.name, withoutCrashes);
    return undefined;
  }

  #variantBroken(fleet: Fleet, variant: Variant): string | undefined {
    const { crashes } = variant;
    const refusal = this.#sight.refusal(variant);
    if (refusal !== undefined) return refusal;
    if (crashes !== undefined && crashes.count >= maxStartupCrashes) return pingFailure(variant.name, crashes.reason);
    for (const { runId, phase } of variant.instances) {
      if (phase !== "starting") continue;
      const refused = this.#sight.refused(runId);
      if (refused !== undefined) return refused;
      const run = this.#sight.run(runId);
      if (isLate(run, variant, this.#sight.now)) return pingFailure(variant.name, noPing(variant));
      const model = run.phase === "absent" ? this.#sight.model(fleet, variant) : undefined;
      if (model?.state === "refused") return model.reason;
    }
    return undefined;
  }

  #noteCrash(fleet: Fleet, variant: Variant, reason: string): void {
    this.#setVariant(fleet.id, variant.name, (now) => ({
      ...now,
      crashes: { count: (now.crashes?.count ?? 0) + 1, at: this.#sight.now, reason },
    }));
  }

  /** The first successor starts at once, the next ones after 0.2, 0.4, … seconds. */
  #backoffLeft({ crashes }: Variant): number {
    if (crashes === undefined || crashes.count < 2) return 0;
    const delay = Math.min(maxBackoffMs, 100 * 2 ** (crashes.count - 1));
    return Math.max(0, crashes.at + delay - this.#sight.now);
  }

  #addInstance(fleetId: number, variantName: string): void {
    const runId = `${this.#value.runPrefix}-${this.#value.nextInstance}`;
    const added: Instance = { runId, phase: "starting", since: this.#sight.now };
    this.#value = { ...this.#value, nextInstance: this.#value.nextInstance + 1 };
    this.#setVariant(fleetId, variantName, (now) => ({ ...now, instances: [...now.instances, added] }));
    this.#lookAgain(0);
  }

  #draining(instance: Instance): Instance {
    return instance.phase === "draining" ? instance : { ...instance, phase: "draining", since: this.#sight.now };
  }

  #setRole(from: Fleet["role"], to: Fleet["role"]): void {
    const fleets = this.#value.fleets.map((fleet) => (fleet.role === from ? { ...fleet, role: to } : fleet));
    this.#value = { ...this.#value, fleets };
  }

  #setVariant(fleetId: number, name: string, change: (variant: Variant) => Variant): void {
    const fleets = this.#value.fleets.map((fleet) =>
      fleet.id !== fleetId
        ? fleet
        : { ...fleet, variants: fleet.variants.map((variant) => (variant.name === name ? change(variant) : variant)) },
    );
    this.#value = { ...this.#value, fleets };
  }

  #lookAgain(afterMs: number): void {
    this.#againMs = Math.min(this.#againMs, afterMs);
  }
}

function isLate(run: RunState, variant: Variant, now: number): boolean {
  return run.phase === "running" && now - run.startedAt > variant.startupTimeoutSeconds * 1_000;
}

function noPing(variant: Variant): string {
  return `no good answer to GET /ping within ${variant.startupTimeoutSeconds} s`;
}

function withoutCrashes({ crashes: _over, ...variant }: Variant): Variant {
  return variant;
}

/** SageMaker's sentence, and behind it what a person needs to mend it. */
function pingFailure(variantName: string, reason: string): string {
  const sentence = `The primary container for production variant ${variantName} did not pass the ping health check. Please check CloudWatch logs for this endpoint. (${reason})`;
  return sentence.slice(0, maxReasonLength);
}

function exitReason(run: Extract<RunState, { phase: "exited" | "lost" }>, lastWords: string): string {
  if (run.phase === "lost") return run.reason;
  const why = run.reason === "out-of-memory" ? "it ran out of memory" : `it exited with code ${run.exitCode}`;
  return lastWords === "" ? why : `${why}; its last words: ${lastWords}`;
}
