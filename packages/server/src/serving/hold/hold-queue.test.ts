import { expect, test } from "vitest";
import { ManualTimers } from "../../reconcile/manual-timers.ts";
import { HoldQueue } from "./hold-queue.ts";

const limits = { heldPerKey: 3, heldBytes: 100, waitMs: 1_000 };

function setUp() {
  const timers = new ManualTimers();
  const queue = new HoldQueue(limits, timers);
  const slots: string[] = [];
  const hold = (key: string, bytes = 1, signal?: AbortSignal) =>
    queue.hold({ key, bytes, find: () => slots.shift(), signal });
  return { timers, queue, slots, hold };
}

test("those who wait are served in turn, as many as there is something for", async () => {
  const { queue, slots, hold } = setUp();
  const served: string[] = [];
  const waits = ["a", "b", "c"].map((name) => hold("key").then((slot) => served.push(`${name}${slot}`)));
  slots.push("1", "2");
  queue.retry("other");
  expect(queue.count("key")).toBe(3);
  queue.retry("key");
  expect(queue.count("key")).toBe(1);
  slots.push("3");
  queue.retry("key");
  await Promise.all(waits);
  expect(served).toEqual(["a1", "b2", "c3"]);
  expect(queue.count("key")).toBe(0);
});

test("what is there already is taken without a wait, and nobody overtakes those who wait", async () => {
  const { queue, slots, hold } = setUp();
  slots.push("now");
  expect(await hold("key")).toBe("now");
  const first = hold("key");
  slots.push("1", "2");
  const second = hold("key");
  queue.retry("key");
  expect(await Promise.all([first, second])).toEqual(["1", "2"]);
});

test("number, bytes and time are bounded", async () => {
  const { timers, queue, slots, hold } = setUp();
  const waits = [hold("key"), hold("key"), hold("key", 50)].map((wait) => wait.catch((error: unknown) => error));
  await expect(hold("key")).rejects.toMatchObject({ reason: "full" });
  await expect(hold("other", 60)).rejects.toMatchObject({ reason: "full" });
  timers.advance(1_000);
  for (const wait of waits) expect(await wait).toMatchObject({ name: "HoldRefused", reason: "late" });
  expect(timers.delays).toEqual([]);
  // What they held is free again.
  slots.push("1");
  expect(await hold("other", 100)).toBe("1");
  expect(queue.count("other")).toBe(0);
});

test("callers who hang up leave, and a closed queue ends all waits", async () => {
  const { queue, slots, hold } = setUp();
  const caller = new AbortController();
  const left = hold("key", 1, caller.signal);
  const stays = hold("key");
  caller.abort();
  await expect(left).rejects.toMatchObject({ reason: "left" });
  await expect(hold("key", 1, caller.signal)).rejects.toMatchObject({ reason: "left" });
  slots.push("1");
  queue.retry("key");
  expect(await stays).toBe("1");
  const last = [hold("key"), hold("other")];
  queue.close();
  for (const wait of last) await expect(wait).rejects.toMatchObject({ reason: "closed" });
});

test("a failing look ends one wait and no other", async () => {
  const { queue, slots, hold } = setUp();
  const failing = queue.hold({
    key: "key",
    bytes: 1,
    find: () => {
      if (slots.length > 0) throw new Error("gone");
      return undefined;
    },
  });
  const next = hold("key");
  slots.push("1");
  queue.retry("key");
  await expect(failing).rejects.toThrow("gone");
  expect(await next).toBe("1");
});
