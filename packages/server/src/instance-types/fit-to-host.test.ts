import { expect, test } from "vitest";
import { fitToHost } from "./fit-to-host.ts";
import { instanceType } from "./instance-types.ts";

const gibibyte = 2 ** 30;
const host = { cpus: 4, memoryBytes: 16 * gibibyte };

test("the table knows what a type has", () => {
  expect(instanceType("ml.m5.large")).toMatchObject({ vcpus: 2, memoryBytes: 8 * gibibyte, accelerators: 0 });
  expect(instanceType("ml.p3.2xlarge")).toMatchObject({ accelerators: 1, accelerator: "V100" });
  expect(instanceType("ml.unheard.of")).toBeUndefined();
});

test("a type that fits is given as it is, without a word", () => {
  expect(fitToHost("ml.m5.large", 1, host)).toEqual({
    cpus: 2,
    memoryBytes: 8 * gibibyte,
    cpuWeight: 200,
    gpus: 0,
    notices: [],
  });
});

test.for<[string, number, RegExp]>([
  ["ml.m5.4xlarge", 1, /^ml\.m5\.4xlarge means 16 vCPU and 64 GiB here; this host has 4 and 16 GiB/],
  ["ml.m5.xlarge", 2, /^ml\.m5\.xlarge means 8 vCPU and 32 GiB here/],
])("%s x %d gets what the host has, and says so", ([type, count, notice]) => {
  const fit = fitToHost(type, count, host);
  expect(fit).toMatchObject({ cpus: 4, memoryBytes: 16 * gibibyte });
  expect(fit.notices[0]).toMatch(notice);
});

test("a GPU type runs on the CPU, and says so", () => {
  expect(fitToHost("ml.p3.2xlarge", 1, { cpus: 64, memoryBytes: 1024 * gibibyte }).notices).toEqual([
    "ml.p3.2xlarge has 1 V100; this run uses the CPU only.",
  ]);
});

test("a GPU type gets GPUs of the host where there are any, and says so when they are fewer", () => {
  const large = { cpus: 256, memoryBytes: 4096 * gibibyte, gpus: 2 };
  expect(fitToHost("ml.p3.2xlarge", 1, large)).toMatchObject({ gpus: 1, notices: [] });
  expect(fitToHost("ml.p3.8xlarge", 1, large)).toMatchObject({
    gpus: 2,
    notices: ["ml.p3.8xlarge means 4 V100 here; this run gets all GPUs of this host, 2."],
  });
  expect(fitToHost("ml.m5.large", 1, large)).toMatchObject({ gpus: 0, notices: [] });
  expect(fitToHost("ml.inf1.xlarge", 1, large)).toMatchObject({
    gpus: 0,
    notices: [expect.stringMatching(/Inferentia; this run uses the CPU only/)],
  });
});
