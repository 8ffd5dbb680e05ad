import fc from "fast-check";
import { expect, test } from "vitest";
import { place } from "./placement.ts";

const gib = 2 ** 30;
const each = { cores: 4, accelerators: 1, memoryBytes: 16 * gib };
const want = (name: string, copies: number, memory: number, cores = 0, accelerators = 0) => ({
  ...{ name, copies },
  needs: { cores, accelerators, memoryBytes: memory * gib },
});

test("copies are placed by memory, cores and accelerators, the oldest component first", () => {
  expect([...place(2, each, [want("a", 3, 6), want("b", 2, 6), want("c", 1, 6)])]).toEqual([
    ["a", 3],
    ["b", 1],
    ["c", 0],
  ]);
  expect(place(2, each, [want("cores", 5, 1, 2)]).get("cores")).toBe(4);
  expect(place(2, each, [want("gpu", 5, 1, 0, 1)]).get("gpu")).toBe(2);
  expect(place(0, each, [want("none", 1, 1)]).get("none")).toBe(0);
});

test("no instance is promised more than it has, and more instances never place fewer copies of the first", () => {
  const component = fc.record({
    copies: fc.nat(6),
    needs: fc.record({ cores: fc.nat(4), accelerators: fc.nat(1), memoryBytes: fc.integer({ min: 1, max: 16 }) }),
  });
  fc.assert(
    fc.property(fc.nat(5), fc.array(component, { maxLength: 6 }), (instances, list) => {
      const components = list.map((one, index) => ({ ...one, name: String(index) }));
      const size = { cores: 4, accelerators: 1, memoryBytes: 16 };
      const placed = place(instances, size, components);
      for (const member of ["cores", "accelerators", "memoryBytes"] as const) {
        const used = components.reduce((sum, { name, needs }) => sum + (placed.get(name) ?? 0) * needs[member], 0);
        expect(used).toBeLessThanOrEqual(instances * size[member]);
      }
      const more = place(instances + 1, size, components);
      expect(more.get("0") ?? 0).toBeGreaterThanOrEqual(placed.get("0") ?? 0);
    }),
  );
});
