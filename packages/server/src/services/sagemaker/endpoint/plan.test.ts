import fc from "fast-check";
import { expect, test } from "vitest";
import type { RunState } from "../../../engines/engine.ts";
import type { PreparedModel } from "../../../serving/artifacts/model-cache.ts";
import { type EndpointValue, type Fleet, type Instance, instancesOf } from "../../../serving/fleet.ts";
import { type EndpointState, maxStartupCrashes, type Plan, planEndpoint, type Sight } from "./plan.ts";

const absent: RunState = { phase: "absent" };
const running: RunState = { phase: "running", startedAt: 0, address: "unix:/a" };
const exited = (endedAt = 10): RunState => ({ phase: "exited", startedAt: 0, endedAt, exitCode: 1 });
const lost: RunState = { phase: "lost", reason: "the host restarted" };
const ready: PreparedModel = { state: "ready", key: "model-key", files: [] };

interface World {
  now?: number;
  runs?: Record<string, RunState>;
  passed?: string[];
  failingSince?: Record<string, number>;
  outstanding?: Record<string, number>;
  model?: PreparedModel;
  refusal?: string;
  refused?: Record<string, string>;
}

function sight(world: World): Sight {
  return {
    now: world.now ?? 1_000,
    run: (id) => world.runs?.[id] ?? absent,
    health: (id) => {
      const failingSince = world.failingSince?.[id];
      return { passed: world.passed?.includes(id) === true, ...(failingSince !== undefined && { failingSince }) };
    },
    refusal: () => world.refusal,
    refused: (id) => world.refused?.[id],
    outstanding: (id) => world.outstanding?.[id] ?? 0,
    model: () => world.model ?? ready,
    alarm: () => undefined,
    lastWords: () => "ValueError: no model",
  };
}

const instance = (runId: string, phase: Instance["phase"] = "ready", since = 0): Instance => ({
  runId,
  phase,
  since,
  ...(phase === "ready" && { address: "unix:/a" }),
});

function fleet(id: number, role: Fleet["role"], instances: Instance[], count = 1): Fleet {
  const container = {
    image: "linear-learner",
    environment: {},
    needsIsolation: false,
    model: { bucket: "b", key: "k", url: "s3://b/k" },
  };
  const variant = { name: "All", modelName: "m", instanceType: "ml.m5.large", weight: 1, startupTimeoutSeconds: 480 };
  return {
    id,
    configName: `config-${id}`,
    role,
    since: 0,
    variants: [{ ...variant, desiredInstanceCount: count, container, instances }],
  };
}

function endpoint(status: string, ...fleets: Fleet[]): EndpointState {
  const base = { arn: "arn", runPrefix: "e-0", configName: "config-1", nextFleet: 9, nextInstance: 10 };
  return { status, value: { ...base, fleets } };
}

const instances = (plan: Plan) => instancesOf(plan.next.value).map(({ runId, phase }) => `${runId} ${phase}`);

test("a new endpoint names its instances before anything starts", () => {
  const plan = planEndpoint(endpoint("Creating", fleet(1, "incoming", [], 2)), sight({}));
  expect(instances(plan)).toEqual(["e-0-10 starting", "e-0-11 starting"]);
  expect(plan.start).toEqual([]);
  expect(plan.againMs).toBe(0);
});

test("an instance that the engine refuses ends a new fleet, and delays the successor in one that serves", () => {
  const incoming = fleet(1, "incoming", [instance("a", "starting")]);
  const given = planEndpoint(endpoint("Creating", incoming), sight({ refused: { a: "no network" } }));
  expect(given).toMatchObject({ start: [], next: { status: "Failed", value: { failureReason: "no network" } } });
  const over = planEndpoint(given.next, sight({ now: 2_000, refused: { a: "no network" } }));
  expect(instances(planEndpoint(over.next, sight({ now: 3_000, refused: { a: "no network" } })))).toEqual([]);

  const active = fleet(1, "active", [instance("a", "starting")]);
  const plan = planEndpoint(endpoint("InService", active), sight({ refused: { a: "no network" } }));
  expect(plan).toMatchObject({ start: [], remove: ["a"], next: { status: "InService" } });
  expect(plan.next.value.fleets[0]?.variants[0]?.crashes).toEqual({ count: 1, at: 1_000, reason: "no network" });
});

test("a named instance starts once its model is there, and remembers which copy", () => {
  const state = endpoint("Creating", fleet(1, "incoming", [instance("a", "starting")]));
  expect(planEndpoint(state, sight({ model: { state: "pending" } })).start).toEqual([]);
  const plan = planEndpoint(state, sight({}));
  expect(plan.start.map((start) => start.instance.runId)).toEqual(["a"]);
  expect(plan.next.value.fleets[0]?.variants[0]?.container.modelKey).toBe("model-key");
});

test("the endpoint is InService when every instance has answered its ping", () => {
  const state = endpoint("Creating", fleet(1, "incoming", [instance("a", "starting"), instance("b", "starting")], 2));
  const one = planEndpoint(state, sight({ runs: { a: running, b: running }, passed: ["a"] }));
  expect([one.next.status, ...instances(one)]).toEqual(["Creating", "a ready", "b starting"]);
  const both = planEndpoint(one.next, sight({ runs: { a: running, b: running }, passed: ["a", "b"] }));
  expect([both.next.status, ...instances(both)]).toEqual(["InService", "a ready", "b ready"]);
  expect(both.next.value.fleets[0]?.role).toBe("active");
});

test("an update moves traffic only when the new fleet is whole, and the old one drains", () => {
  const state = endpoint(
    "Updating",
    fleet(1, "active", [instance("old")]),
    fleet(2, "incoming", [instance("new", "starting")]),
  );
  const runs = { old: running, new: running };
  const waiting = planEndpoint(state, sight({ runs }));
  expect(waiting.next.value.fleets.map(({ role }) => role)).toEqual(["active", "incoming"]);
  const moved = planEndpoint(state, sight({ runs, passed: ["old", "new"] }));
  expect(moved.next).toMatchObject({ status: "InService", value: { configName: "config-2" } });
  expect(moved.next.value.fleets.map(({ role }) => role)).toEqual(["outgoing", "active"]);
  expect(moved.stop).toEqual([]);
  const draining = planEndpoint(moved.next, sight({ now: 2_000, runs, passed: ["new"], outstanding: { old: 3 } }));
  expect(instances(draining)).toEqual(["old draining", "new ready"]);
  const busy = planEndpoint(draining.next, sight({ now: 3_000, runs, outstanding: { old: 1 } }));
  expect(busy.stop).toEqual([]);
  const idle = planEndpoint(draining.next, sight({ now: 3_000, runs }));
  expect(idle.stop).toEqual(["old"]);
  const over = planEndpoint(idle.next, sight({ now: 4_000, runs: { ...runs, old: exited() } }));
  expect(over.remove).toEqual(["old"]);
  expect(over.next.value.fleets.map(({ id }) => id)).toEqual([2]);
});

test("a request that never ends holds an old instance for a minute at most", () => {
  const state = endpoint(
    "InService",
    fleet(1, "outgoing", [instance("old", "draining", 0)]),
    fleet(2, "active", [instance("new")]),
  );
  const runs = { old: running, new: running };
  const outstanding = { old: 1 };
  expect(planEndpoint(state, sight({ now: 59_000, runs, outstanding })).stop).toEqual([]);
  expect(planEndpoint(state, sight({ now: 61_000, runs, outstanding })).stop).toEqual(["old"]);
});

test.for<[string, RunState, readonly string[]]>([
  ["died after a long life", exited(100_000), ["e-0-10 starting"]],
  ["died young", exited(10), ["e-0-10 starting"]],
  ["was lost with the host", lost, ["e-0-10 starting"]],
  ["is gone", absent, ["e-0-10 starting"]],
])("an instance that %s is replaced and the endpoint stays InService", ([, run, expected]) => {
  const plan = planEndpoint(endpoint("InService", fleet(1, "active", [instance("a")])), sight({ runs: { a: run } }));
  expect(plan.next.status).toBe("InService");
  expect(instances(plan)).toEqual(expected);
});

test("instances that keep dying are started ever more seldom", () => {
  const active = fleet(1, "active", [instance("a")]);
  const crashing = {
    ...active,
    variants: active.variants.map((variant) => ({ ...variant, crashes: { count: 4, at: 0, reason: "" } })),
  };
  const died = planEndpoint(endpoint("InService", crashing), sight({ now: 1_000, runs: { a: exited() } }));
  expect(instances(died)).toEqual([]);
  expect(died.againMs).toBe(1_600);
  const later = planEndpoint(died.next, sight({ now: 2_600 }));
  expect(instances(later)).toEqual(["e-0-10 starting"]);
});

test("a container that dies at start fails the endpoint, with its exit and last words", () => {
  let state = endpoint("Creating", fleet(1, "incoming", [instance("a", "starting")]));
  for (let crash = 1; crash < maxStartupCrashes; crash++) {
    const [id] = instancesOf(state.value).map(({ runId }) => runId);
    const plan = planEndpoint(state, sight({ now: crash * 60_000, runs: { [id as string]: exited() } }));
    expect(plan.next.status).toBe("Creating");
    expect(plan.remove).toEqual([id]);
    state = planEndpoint(plan.next, sight({ now: crash * 60_000 + 50_000 })).next;
  }
  const [id] = instancesOf(state.value).map(({ runId }) => runId);
  const plan = planEndpoint(state, sight({ now: 999_000, runs: { [id as string]: exited() } }));
  expect(plan.next.status).toBe("Failed");
  expect(plan.next.value.failureReason).toBe(
    "The primary container for production variant All did not pass the ping health check. Please check CloudWatch logs for this endpoint. (it exited with code 1; its last words: ValueError: no model)",
  );
});

test("a container that does not answer in time fails the endpoint and is taken down", () => {
  const state = endpoint("Creating", fleet(1, "incoming", [instance("a", "starting")]));
  const plan = planEndpoint(state, sight({ now: 481_000, runs: { a: running } }));
  expect(plan.next.status).toBe("Failed");
  expect(plan.next.value.failureReason).toMatch(/no good answer to GET \/ping within 480 s/);
  const draining = planEndpoint(plan.next, sight({ now: 482_000, runs: { a: running } }));
  expect(planEndpoint(draining.next, sight({ now: 483_000, runs: { a: running } })).stop).toEqual(["a"]);
});

test("an update whose model is refused leaves the old fleet serving and says why", () => {
  const state = endpoint(
    "Updating",
    fleet(1, "active", [instance("old")]),
    fleet(2, "incoming", [instance("new", "starting")]),
  );
  const plan = planEndpoint(
    state,
    sight({ runs: { old: running }, model: { state: "refused", reason: "It holds a link." } }),
  );
  expect(plan.next).toMatchObject({
    status: "InService",
    value: { configName: "config-1", failureReason: "It holds a link." },
  });
  expect(plan.start).toEqual([]);
  const later = planEndpoint(plan.next, sight({ now: 5_000, runs: { old: running } }));
  expect(instances(later)).toEqual(["old ready"]);
});

test("a fleet that this host cannot run is refused before anything starts", () => {
  const refusal = "EnableNetworkIsolation needs an engine that isolates.";
  const plan = planEndpoint(endpoint("Creating", fleet(1, "incoming", [], 1)), sight({ refusal }));
  expect(plan.next).toMatchObject({ status: "Failed", value: { failureReason: refusal, fleets: [] } });
});

test("an instance whose ping has failed longer than an invocation may take is replaced", () => {
  const state = endpoint("InService", fleet(1, "active", [instance("a")]));
  const at = (now: number) => planEndpoint(state, sight({ now, runs: { a: running }, failingSince: { a: 0 } }));
  expect(at(89_000).stop).toEqual([]);
  expect(at(91_000).stop).toEqual(["a"]);
  expect(instances(at(91_000))).toEqual(["a draining", "e-0-10 starting"]);
});

test("deleting stops everything at once, and is over when nothing is left", () => {
  const state = endpoint(
    "Deleting",
    fleet(1, "active", [instance("a")]),
    fleet(2, "incoming", [instance("b", "starting")]),
  );
  const plan = planEndpoint(state, sight({ runs: { a: running }, outstanding: { a: 5 } }));
  expect(plan).toMatchObject({ stop: ["a"], start: [], isGone: false });
  expect(planEndpoint(plan.next, sight({ runs: { a: exited() } }))).toMatchObject({ remove: ["a"], isGone: true });
});

test("whatever happens, run ids are never used twice and a quiet world ends with the fleet that was asked for", () => {
  const phases = fc.constantFrom<RunState["phase"]>("absent", "running", "exited", "lost");
  const events = fc.array(
    fc.record({ phase: phases, passes: fc.boolean(), after: fc.integer({ min: 0, max: 100_000 }) }),
    { maxLength: 25 },
  );
  fc.assert(
    fc.property(events, fc.integer({ min: 1, max: 3 }), (script, count) => {
      let state = endpoint("Updating", fleet(1, "active", [instance("old")]), fleet(2, "incoming", [], count));
      const seen = new Set<string>();
      let now = 1_000;
      const step = (world: World) => {
        const before = new Set(instancesOf(state.value).map(({ runId }) => runId));
        state = planEndpoint(state, sight(world)).next;
        for (const { runId } of instancesOf(state.value)) {
          if (before.has(runId)) continue;
          expect(seen.has(runId)).toBe(false);
          seen.add(runId);
        }
      };
      for (const { phase, passes, after } of script) {
        now += after;
        step(inState(state.value, phase, passes, now));
      }
      for (let quiet = 0; quiet < 20; quiet++) {
        now += 100_000;
        step(inState(state.value, "running", true, now, (one) => one.phase === "draining"));
      }
      const active = state.value.fleets.filter(({ role }) => role === "active");
      expect(state.status).toBe("InService");
      expect(state.value.fleets).toHaveLength(1);
      expect(active[0]?.variants[0]?.instances.filter(({ phase }) => phase === "ready")).toHaveLength(
        active[0]?.variants[0]?.desiredInstanceCount as number,
      );
    }),
    { numRuns: 200 },
  );
});

/** Every instance is in the same state; those that `isOver` picks have exited. */
function inState(
  value: EndpointValue,
  phase: RunState["phase"],
  passes: boolean,
  now: number,
  isOver: (one: Instance) => boolean = () => false,
): World {
  const state: Record<string, RunState> = {
    absent,
    running: { phase: "running", startedAt: now, address: "unix:/a" },
    exited: exited(),
    lost,
  };
  const runs = Object.fromEntries(
    instancesOf(value).map((one) => [one.runId, (isOver(one) ? exited() : state[phase]) as RunState]),
  );
  return { now, runs, passed: passes ? Object.keys(runs) : [] };
}
