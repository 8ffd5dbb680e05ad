import { expect, test } from "vitest";
import type { RunSpec } from "../engine.ts";
import { type ContainerParts, containerRequest } from "./container-request.ts";

const root = {
  kind: "image" as const,
  reference: "r/i:1",
  id: "sha256:1",
  binds: [{ source: "/bin/x", target: "/x" }],
};
const spec: RunSpec & { root: typeof root } = {
  root,
  command: ["/train", "a b", ""],
  environment: { A: "b=c" },
  hostname: "algo-2",
  mlDirectory: "/data/ml:odd",
  channels: [
    { target: "/opt/ml/input/data/b", files: [], readOnly: true },
    { target: "/opt/ml/input/data/a", files: [], readOnly: false },
  ],
  network: { kind: "none" },
  resources: {},
  serves: false,
  logFile: "/log",
  maxLogBytes: 2 ** 30,
};
const parts: ContainerParts = {
  spec,
  allotment: { memoryBytes: 4e9, cpus: 2, memoryLimit: undefined, cpuLimit: undefined, cpuWeight: 100 },
  labels: { l: "1" },
  channelFolders: ["/c/b", "/c/a"],
  sharedFolders: [],
  shownFolders: [],
  socketFolder: undefined,
  network: undefined,
  settings: { ulimits: [] },
  init: true,
  hasDeviceRequests: true,
};
type Request = Record<string, unknown> & { HostConfig: Record<string, unknown> };
const request = (changes: Partial<ContainerParts> = {}) => containerRequest({ ...parts, ...changes }) as Request;

test("nothing of the image's command is added to the run's", () => {
  expect(request()).toMatchObject({ Image: "sha256:1", Entrypoint: ["/train"], Cmd: ["a b", ""], Hostname: "algo-2" });
  expect(request()["Env"]).toEqual(["A=b=c", "SAGEBRUSH_CPUS=2", "SAGEBRUSH_MEMORY_BYTES=4000000000"]);
});

test("/opt/ml is writable, channels lie in it, and paths may hold colons", () => {
  const bind = (Source: string, Target: string, ReadOnly: boolean) => ({ Type: "bind", Source, Target, ReadOnly });
  expect(request().HostConfig["Mounts"]).toEqual([
    bind("/bin/x", "/x", true),
    bind("/data/ml:odd", "/opt/ml", false),
    bind("/c/a", "/opt/ml/input/data/a", false),
    bind("/c/b", "/opt/ml/input/data/b", true),
  ]);
});

test("what the image has below /opt/ml is shown there, by volumes that go with the container", () => {
  const mounts = request({ shownFolders: ["/opt/ml/code"] }).HostConfig["Mounts"] as object[];
  expect(mounts.at(-1)).toEqual({ Type: "volume", Target: "/opt/ml/code" });
});

test("limits that the host cannot exceed anyway are not set; memory counts swap", () => {
  expect(request().HostConfig).toMatchObject({ Memory: 0, MemorySwap: 0, NanoCpus: 0, CpuShares: 1024 });
  const allotment = { memoryBytes: 1e9, cpus: 0.5, memoryLimit: 1e9, cpuLimit: 0.5, cpuWeight: 50 };
  expect(request({ allotment }).HostConfig).toMatchObject({
    Memory: 1e9,
    MemorySwap: 1e9,
    NanoCpus: 5e8,
    CpuShares: 512,
    ShmSize: 5e8,
  });
});

test("a container has no powers that it could turn on the host, and no network unless one is named", () => {
  expect(request().HostConfig).toMatchObject({
    CapDrop: ["ALL"],
    SecurityOpt: ["no-new-privileges"],
    NetworkMode: "none",
    Init: true,
  });
  expect(request()["NetworkingConfig"]).toBeUndefined();
  const place = { name: "job", address: "10.208.0.3", hosts: ["algo-1:10.208.0.2", "algo-2:10.208.0.3"] };
  const named = request({ network: place });
  expect(named.HostConfig).toMatchObject({ NetworkMode: "job", ExtraHosts: place.hosts });
  expect(named["NetworkingConfig"]).toEqual({
    EndpointsConfig: { job: { IPAMConfig: { IPv4Address: "10.208.0.3" } } },
  });
});

test("runtime, limits and GPUs are passed on where there are any", () => {
  expect(request().HostConfig).not.toHaveProperty("Runtime");
  expect(request().HostConfig).not.toHaveProperty("DeviceRequests");
  const settings = { runtime: "runc", ulimits: [{ name: "nofile", soft: 1, hard: 2 }] };
  const gpus = {
    uuids: ["GPU-1"],
    devices: [{ source: "/dev/nvidia1", target: "/dev/nvidia1" }],
    driver: [{ source: "/usr/lib/libcuda.so.1", target: "/opt/sagebrush/nvidia/lib/libcuda.so.1" }],
  };
  const { HostConfig } = request({ settings, spec: { ...spec, resources: { gpus } } });
  expect(HostConfig).toMatchObject({
    Runtime: "runc",
    Ulimits: [{ Name: "nofile", Soft: 1, Hard: 2 }],
    DeviceRequests: [{ DeviceIDs: ["GPU-1"], Capabilities: [["gpu", "compute", "utility"]] }],
  });
  // Podman, and Docker without NVIDIA's toolkit.
  const byFiles = request({ hasDeviceRequests: false, spec: { ...spec, resources: { gpus } } });
  expect(byFiles.HostConfig).not.toHaveProperty("DeviceRequests");
  expect(byFiles.HostConfig).toMatchObject({
    Devices: [{ PathOnHost: "/dev/nvidia1", PathInContainer: "/dev/nvidia1", CgroupPermissions: "rwm" }],
    Mounts: expect.arrayContaining([expect.objectContaining({ Target: "/opt/sagebrush/nvidia/lib/libcuda.so.1" })]),
  });
  expect(byFiles["Env"]).toContain("LD_LIBRARY_PATH=/opt/sagebrush/nvidia/lib");
});
