import { expect, test, vi } from "vitest";
import { Capacity, type CapacityMode } from "./capacity.ts";

const gibibyte = 2 ** 30;
const host = { cpus: 4, memoryBytes: 16 * gibibyte };

function machine(mode: CapacityMode, limit = 4) {
  const world = { available: 8 * gibibyte, now: 0 };
  const capacity = new Capacity({ mode, host, limit, availableMemory: () => world.available, now: () => world.now });
  let since = 0;
  const ask = (name: string, count = 1, memoryGib = 1, cpus = 1, wake = () => {}) =>
    capacity.take(
      {
        instances: Array.from({ length: count }, (_, i) => `${name}-${i}`),
        size: { cpus: cpus * count, memoryBytes: memoryGib * count * gibibyte },
        since: since++,
      },
      wake,
    );
  return { capacity, world, ask };
}

test("all instances of a demand start, or none", () => {
  const { capacity, ask } = machine("shared");
  expect(ask("a", 3)).toBeUndefined();
  expect(ask("b", 2)).toMatch(/^Waiting for room: 3 instances run on this machine, of at most 4 at once$/);
  capacity.release(["a-0"]);
  expect(ask("b", 2)).toBeUndefined();
});

test("what is larger than the machine starts when nothing else runs", () => {
  expect(machine("shared").ask("a", 9)).toBeUndefined();
  expect(machine("strict").ask("a", 1, 1024)).toBeUndefined();
});

test("a small demand does not pass an earlier large one, and the first is woken when room comes", () => {
  const { capacity, ask } = machine("shared");
  const [large, small] = [vi.fn<() => void>(), vi.fn<() => void>()];
  ask("a", 3);
  expect(ask("large", 4, 1, 1, large)).toMatch(/^Waiting for room/);
  expect(ask("small", 1, 1, 1, small)).toBe("Waiting for its turn behind earlier jobs");
  capacity.release(["a-0", "a-1", "a-2"]);
  expect(large).toHaveBeenCalled();
  expect(small).not.toHaveBeenCalled();
});

test("a demand that is no longer repeated, or is taken back, stands in nobody's way", () => {
  const { capacity, world, ask } = machine("shared");
  ask("a", 3);
  ask("gone", 4);
  expect(ask("b")).toMatch(/turn/);
  world.now = 120_000;
  expect(ask("b")).toBeUndefined();
  ask("withdrawn", 4);
  capacity.release(["withdrawn-0", "withdrawn-1", "withdrawn-2", "withdrawn-3"]);
  capacity.release(["b-0"]);
  expect(ask("c")).toBeUndefined();
});

test("shared instances wait while memory is short", () => {
  const { world, ask } = machine("shared");
  expect(ask("a", 1, 64)).toBeUndefined();
  world.available = gibibyte / 4;
  expect(ask("b")).toMatch(/^Waiting for memory/);
});

test.for([
  ["memory", 12, 1, /^Waiting for memory/],
  ["cores", 1, 3, /^Waiting for cores/],
] as const)("strict instances have their type's %s to themselves", ([, memoryGib, cpus, shortage]) => {
  const { capacity, ask } = machine("strict");
  expect(ask("a", 1, memoryGib, cpus)).toBeUndefined();
  expect(ask("b", 1, memoryGib, cpus)).toMatch(shortage);
  capacity.release(["a-0"]);
  expect(ask("b", 1, memoryGib, cpus)).toBeUndefined();
});

test("asking again for what one has changes nothing", () => {
  const { ask } = machine("shared", 2);
  expect([ask("a", 2), ask("a", 2)]).toEqual([undefined, undefined]);
});
