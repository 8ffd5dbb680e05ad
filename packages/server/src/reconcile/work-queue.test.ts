import fc from "fast-check";
import { expect, test } from "vitest";
import { backoffMs } from "./backoff.ts";
import { ManualTimers } from "./manual-timers.ts";
import type { Next } from "./work-queue.ts";
import { WorkQueue } from "./work-queue.ts";

/** A queue whose steps end when the test says so. */
function setUp(concurrency = 10) {
  const timers = new ManualTimers();
  const started: string[] = [];
  const open = new Map<string, (next: Next) => void>();
  const queue = new WorkQueue(concurrency, timers, (key) => {
    expect(open.has(key)).toBe(false);
    started.push(key);
    return new Promise((resolve) => open.set(key, resolve));
  });
  const end = async (key: string, next: Next = { kind: "forget" }) => {
    const resolve = open.get(key);
    open.delete(key);
    resolve?.(next);
    await settled();
  };
  return { timers, queue, started, open, end };
}

/** Lets every promise that can settle do so. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

test("a key woken many times before it starts is worked on once", async () => {
  const { queue, started, end } = setUp(1);
  queue.wake("first");
  for (let i = 0; i < 5; i++) queue.wake("a");
  await end("first");
  await end("a");
  expect(started).toEqual(["first", "a"]);
});

test("a key woken while it is worked on is worked on again, once", async () => {
  const { queue, started, end } = setUp();
  queue.wake("a");
  queue.wake("a");
  queue.wake("a");
  expect(started).toEqual(["a"]);
  await end("a");
  expect(started).toEqual(["a", "a"]);
  await end("a");
  expect(started).toEqual(["a", "a"]);
});

test("no more than the allowed number run together, first come first served", async () => {
  const { queue, started, open, end } = setUp(2);
  for (const key of ["a", "b", "c", "d"]) queue.wake(key);
  expect([...open.keys()]).toEqual(["a", "b"]);
  await end("b");
  expect([...open.keys()]).toEqual(["a", "c"]);
  await end("a");
  expect(started).toEqual(["a", "b", "c", "d"]);
});

test("a key that wants another look gets it after the delay, or earlier when woken or found by a rescan", async () => {
  const { timers, queue, started, end } = setUp();
  queue.wake("a");
  await end("a", { kind: "again", afterMs: 100 });
  timers.advance(99);
  expect(started).toHaveLength(1);
  timers.advance(1);
  expect(started).toHaveLength(2);
  await end("a", { kind: "again", afterMs: 100 });
  queue.wake("a");
  expect(started).toHaveLength(3);
  await end("a", { kind: "again", afterMs: 100 });
  queue.offer("a");
  expect(started).toHaveLength(4);
  expect(timers.delays).toEqual([]);
});

test("after a failure, its own changes and rescans do not cut the wait short; a later wake does", async () => {
  const { timers, queue, started, end } = setUp();
  queue.wake("a");
  queue.wake("a");
  await end("a", { kind: "backoff", afterMs: 100 });
  queue.offer("a");
  expect(started).toHaveLength(1);
  queue.wake("a");
  expect(started).toHaveLength(2);
  await end("a", { kind: "backoff", afterMs: 100 });
  timers.advance(100);
  expect(started).toHaveLength(3);
});

test("stop waits for work under way and starts none", async () => {
  const { timers, queue, started, end } = setUp(1);
  queue.wake("a");
  queue.wake("b");
  let isStopped = false;
  const stopping = queue.stop().then(() => (isStopped = true));
  await settled();
  expect(isStopped).toBe(false);
  await end("a", { kind: "again", afterMs: 1 });
  await stopping;
  queue.wake("c");
  timers.advance(1_000);
  expect(started).toEqual(["a"]);
});

test("whatever happens in whatever order, no key runs twice at once, none is lost, and the limit holds", async () => {
  const key = fc.constantFrom("a", "b", "c", "d");
  const event = fc.oneof(
    fc.record({ do: fc.constant("wake" as const), key }),
    fc.record({ do: fc.constant("offer" as const), key }),
    fc.record({
      do: fc.constant("end" as const),
      key,
      next: fc.oneof(
        fc.constant<Next>({ kind: "forget" }),
        fc.record({ kind: fc.constantFrom("again" as const, "backoff" as const), afterMs: fc.nat(50) }),
      ),
    }),
    fc.record({ do: fc.constant("advance" as const), ms: fc.nat(60) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(event, { maxLength: 40 }), async (events) => {
      const { timers, queue, started, open, end } = setUp(2);
      const owed = new Set<string>();
      let seen = 0;
      const check = () => {
        for (; seen < started.length; seen++) owed.delete(started[seen] as string);
        expect(open.size).toBeLessThanOrEqual(2);
      };
      for (const each of events) {
        if (each.do === "advance") timers.advance(each.ms);
        else if (each.do === "end") await end(each.key, each.next);
        else {
          // From a wake on, a look at the key that begins later is owed.
          if (each.do === "wake") owed.add(each.key);
          queue[each.do](each.key);
        }
        check();
      }
      for (let round = 0; round < 200 && (open.size > 0 || timers.delays.length > 0); round++) {
        for (const running of Array.from(open.keys())) await end(running);
        timers.advance(60);
        check();
      }
      expect(owed).toEqual(new Set());
      expect(open.size).toBe(0);
    }),
  );
});

test("backoff doubles from 0.1 s to a minute and is shortened by at most half", () => {
  const whole = Array.from({ length: 12 }, (_, index) => backoffMs(index + 1, 0));
  expect(whole.slice(0, 4)).toEqual([100, 200, 400, 800]);
  expect(whole.at(-1)).toBe(60_000);
  expect(backoffMs(5_000, 0)).toBe(60_000);
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 100 }),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      (failures, random) => {
        expect(backoffMs(failures, random)).toBeLessThanOrEqual(backoffMs(failures, 0));
        expect(backoffMs(failures, random)).toBeGreaterThan(backoffMs(failures, 0) / 2);
      },
    ),
  );
});
