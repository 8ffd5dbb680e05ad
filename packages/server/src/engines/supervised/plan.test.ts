import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { channelSteps, decodePlan, encodePlan, type Plan } from "./plan.ts";

const text = fc.string({ unit: "binary" }).filter((each) => !each.includes("\0") && each.isWellFormed());

describe("a plan", () => {
  const settings = fc.array(
    fc.oneof(
      fc.tuple(fc.constantFrom("run", "exit", "key", "env", "command", "cwd"), text),
      fc.tuple(fc.constant("log"), text, text),
    ),
  );
  const steps = fc.array(
    fc.oneof(
      fc.tuple(fc.constantFrom("dir" as const, "file" as const, "ro" as const), text, text),
      fc.tuple(fc.constant("own" as const), text),
      fc.tuple(fc.constant("entry" as const), text, text, text),
    ),
  );

  test("is read as it was written", () => {
    fc.assert(
      fc.property(settings, steps, (some, others) => {
        const plan: Plan = { settings: some as Plan["settings"], steps: others as Plan["steps"] };
        expect(decodePlan(encodePlan(plan))).toEqual(plan);
      }),
    );
  });

  test("that was cut short is refused", () => {
    const bytes = encodePlan({
      settings: [
        ["run", "/a"],
        ["command", "end"],
      ],
      steps: [["own", "/b"]],
    });
    // The last byte is the NUL behind `end`: without it every field is there all the same.
    for (let size = 0; size < bytes.length - 1; size++) {
      expect(() => decodePlan(bytes.subarray(0, size))).toThrow(/damaged/);
    }
  });

  test("cannot hold a NUL character", () => {
    expect(() => encodePlan({ settings: [["env", "A=\0"]], steps: [] })).toThrow(/NUL/);
  });
});

describe("a channel's steps", () => {
  const file = (path: string, source: string) => ({ path, source, sizeBytes: 3 });
  const rootOf = (sources: string[]) =>
    channelSteps(
      { target: "/t", files: sources.map((source, n) => file(`f${n}`, source)), readOnly: false },
      "/t",
      "/w",
    )[0]?.[2];

  test.for<[string[], string]>([
    [[], ""],
    [["/data/objects/ab/1"], "/data/objects/ab"],
    [["/data/objects/ab/1", "/data/objects/ac/2"], "/data/objects"],
    [["/data/objects/ab/1", "/data/obj/2"], "/data"],
    [["/a/1", "/b/2"], "/"],
    [["/1"], "/"],
  ])("%j lie below %s", ([sources, root]) => expect(rootOf(sources)).toBe(root));

  test("two files of one name are refused", () => {
    const files = [file("a", "/x/1"), file("a", "/x/2")];
    expect(() => channelSteps({ target: "/t", files, readOnly: false }, "/t", "/w")).toThrow(/two files/);
  });
});
