import { expect, test } from "vitest";
import { allot, limitSettings } from "./host-resources.ts";

const host = { memoryBytes: 1000, cpus: 4 };

test.for<[string, Parameters<typeof allot>[0], object]>([
  [
    "nothing asked: the host, without limits",
    {},
    { memoryBytes: 1000, cpus: 4, memoryLimit: undefined, cpuLimit: undefined, cpuWeight: 100 },
  ],
  [
    "less than the host: limits",
    { memoryBytes: 500, cpus: 1.5 },
    { memoryBytes: 500, cpus: 1.5, memoryLimit: 500, cpuLimit: 1.5 },
  ],
  [
    "more than the host: the host",
    { memoryBytes: 5000, cpus: 96 },
    { memoryBytes: 1000, cpus: 4, memoryLimit: undefined, cpuLimit: undefined },
  ],
  ["weights stay in the kernel's range", { cpuWeight: 0.2 }, { cpuWeight: 1 }],
  ["and below its end", { cpuWeight: 1e9 }, { cpuWeight: 10_000 }],
])("%s", ([, asked, given]) => expect(allot(asked, host)).toMatchObject(given));

test("limits are written in the kernel's units", () => {
  const settings = limitSettings(allot({ memoryBytes: 500, cpus: 1.5 }, host), "group");
  expect(Object.fromEntries(settings)).toEqual({
    cgroup: "group",
    "cpu-weight": "100",
    memory: "500",
    "cpu-quota": "150000",
  });
});
