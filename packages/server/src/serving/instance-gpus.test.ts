import { expect, test } from "vitest";
import type { Gpus } from "../gpus/gpus.ts";
import { gpusOfInstance } from "./instance-gpus.ts";

function host(count: number): Gpus {
  const all = Array.from({ length: count }, (_, n) => ({ uuid: `GPU-${n}`, model: "H200", device: `/dev/nvidia${n}` }));
  return { all, forRun: (uuids) => ({ uuids, devices: [], driver: [] }), use: async () => new Map() };
}

test.for<[string, string | undefined, number, (readonly string[])[]]>([
  ["ml.m5.large", undefined, 2, [[], []]],
  ["ml.m5.large", "ml.eia2.medium", 2, [["GPU-1"], ["GPU-0"]]],
  ["ml.g4dn.xlarge", undefined, 0, [[], []]],
  ["ml.g4dn.xlarge", undefined, 3, [["GPU-1"], ["GPU-2"]]],
  // An accelerator besides a type's own GPUs adds none.
  ["ml.g4dn.xlarge", "ml.eia2.medium", 3, [["GPU-1"], ["GPU-2"]]],
  [
    "ml.p3.8xlarge",
    undefined,
    6,
    [
      ["GPU-0", "GPU-1", "GPU-4", "GPU-5"],
      ["GPU-2", "GPU-3", "GPU-4", "GPU-5"],
    ],
  ],
  [
    "ml.p3.8xlarge",
    undefined,
    2,
    [
      ["GPU-0", "GPU-1"],
      ["GPU-0", "GPU-1"],
    ],
  ],
  // NVIDIA's only.
  ["ml.inf1.xlarge", undefined, 2, [[], []]],
])("%s with accelerator %s on a host of %i GPUs", ([instanceType, acceleratorType, count, wanted]) => {
  const plan = { instanceType, ...(acceleratorType && { acceleratorType }) };
  const given = [1, 2].map((number) => gpusOfInstance(plan, `e-0123456789ab-${number}`, host(count)));
  expect(given).toEqual(wanted);
});
