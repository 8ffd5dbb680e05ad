import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { GpuShares } from "./gpu-shares.ts";
import { findNvidiaGpus } from "./nvidia.ts";
import { parseUse } from "./nvidia-smi.ts";
import { type StandInGpus, standInGpus, standInUuid } from "./testkit.ts";

let machine: StandInGpus;
afterEach(() => machine?.remove());

test("GPUs are found in the order of their place on the bus, with the device files that the kernel gave them", () => {
  machine = standInGpus(2);
  expect(machine.gpus.all).toEqual([
    { uuid: standInUuid(0), model: "NVIDIA Stand-in", device: join(machine.folder, "dev/nvidia1") },
    { uuid: standInUuid(1), model: "NVIDIA Stand-in", device: join(machine.folder, "dev/nvidia0") },
  ]);
});

test("a run gets its GPUs' device files, the driver's, and the driver's libraries and program, and no others", () => {
  machine = standInGpus(2);
  const { devices, driver } = machine.gpus.forRun([standInUuid(0)]);
  expect(devices.map(({ target }) => target)).toEqual(["/dev/nvidia1", "/dev/nvidiactl", "/dev/nvidia-uvm"]);
  expect(driver.map(({ target }) => target).sort()).toEqual([
    "/opt/sagebrush/nvidia/bin/nvidia-smi",
    "/opt/sagebrush/nvidia/lib/libcuda.so.1",
    "/opt/sagebrush/nvidia/lib/libnvidia-ml.so.1",
  ]);
  expect(machine.gpus.forRun([])).toEqual({ uuids: [], devices: [], driver: [] });
});

test("a GPU that has fallen off the bus is left out, and a machine without a driver has none", async () => {
  machine = standInGpus(1);
  const broken = join(machine.folder, "gpus/0000:09:00.0");
  mkdirSync(broken);
  writeFileSync(join(broken, "information"), "Model: Unknown\nGPU UUID: \t GPU-????????-????\nDevice Minor: \t 7\n");
  const places = { gpus: join(machine.folder, "gpus"), devices: "/dev", libraries: [], path: "" };
  expect(findNvidiaGpus(places).all.map(({ uuid }) => uuid)).toEqual([standInUuid(0)]);
  const none = findNvidiaGpus({ ...places, gpus: join(machine.folder, "nowhere") });
  expect(none.all).toEqual([]);
  expect(await none.use()).toEqual(new Map());
});

test("what the program says is read by GPU; what one cannot tell counts as nothing", async () => {
  machine = standInGpus(2);
  machine.say(`${standInUuid(1)}, 40, 1024, 4096\n${standInUuid(0)}, [N/A], [N/A], 4096\n`);
  expect(await machine.gpus.use()).toEqual(
    new Map([
      [standInUuid(1), { percent: 40, memoryPercent: 25 }],
      [standInUuid(0), { percent: 0, memoryPercent: 0 }],
    ]),
  );
  expect(parseUse("Failed to initialize NVML: Driver/library version mismatch\n")).toEqual(new Map());
});

test("runs have GPUs alone where there are enough, and share those with the fewest where not", () => {
  const shares = new GpuShares(["a", "b", "c"]);
  expect(shares.take("one", 1)).toEqual(["a"]);
  expect(shares.take("two", 2)).toEqual(["b", "c"]);
  expect(shares.take("three", 1)).toEqual(["a"]);
  expect(shares.take("two", 2)).toEqual(["b", "c"]); // asked again after a crash: what others leave
  shares.release("one");
  shares.release("three");
  expect(shares.take("four", 2)).toEqual(["a", "b"]);
  expect(shares.take("all", 9)).toEqual(["a", "b", "c"]);
  expect(shares.take("none", 0)).toEqual([]);
});

test("what runs had before a restart of the server counts", () => {
  const shares = new GpuShares(["a", "b"]);
  shares.hold("earlier", ["a"]);
  expect(shares.take("new", 1)).toEqual(["b"]);
});
