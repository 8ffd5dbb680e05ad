import { existsSync, readdirSync, readFileSync, realpathSync } from "node:fs";
import { delimiter, join } from "node:path";
import { type Bind, driverFolder, type RunGpus } from "../engines/engine.ts";
import type { Gpu, Gpus } from "./gpus.ts";
import { NvidiaSmi } from "./nvidia-smi.ts";

/** Where a machine says what it has; tests have stand-ins. */
export interface NvidiaPlaces {
  /** A folder for each GPU, with a file `information`. */
  readonly gpus: string;
  readonly devices: string;
  /** Where libraries are looked for. */
  readonly libraries: readonly string[];
  /** Where programs are looked for. */
  readonly path: string;
}

const thisMachine: NvidiaPlaces = {
  gpus: "/proc/driver/nvidia/gpus",
  devices: "/dev",
  libraries: ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib"],
  path: process.env["PATH"] ?? "",
};

/** The driver's own device files, besides one for each GPU. */
const driverDevices = ["nvidiactl", "nvidia-uvm", "nvidia-uvm-tools", "nvidia-modeset"];
/** What belongs to the kernel's driver and is in no image: CUDA's driver interface, its compiler, and the management. */
const driverLibrary =
  /^lib(?:cuda|cudadebugger|nvidia-(?:ml|ptxjitcompiler|nvvm|nvvm70|gpucomp|opencl|allocator|cfg))\.so\.\d/;

let found: Gpus | undefined;

/** The GPUs of this machine, looked for once. */
export function hostGpus(): Gpus {
  found ??= findNvidiaGpus();
  return found;
}

/** Finds NVIDIA GPUs by what the kernel's driver says of them, without starting a program. */
export function findNvidiaGpus(places: NvidiaPlaces = thisMachine): Gpus {
  const all = gpusIn(places);
  const program = places.path
    .split(delimiter)
    .map((folder) => join(folder, "nvidia-smi"))
    .find((path) => existsSync(path));
  const smi = new NvidiaSmi(all.length === 0 ? undefined : program);
  let driver: readonly Bind[] | undefined;
  return {
    all,
    use: () => smi.use(),
    forRun(uuids): RunGpus {
      if (uuids.length === 0) return { uuids, devices: [], driver: [] };
      driver ??= driverFiles(places, program);
      const own = all.filter(({ uuid }) => uuids.includes(uuid)).map(({ device }) => device);
      const shared = driverDevices.map((name) => join(places.devices, name)).filter((path) => existsSync(path));
      const devices = [...own, ...shared].map((source) => ({
        source,
        target: join("/dev", source.slice(places.devices.length)),
      }));
      return { uuids, devices, driver };
    },
  };
}

function gpusIn({ gpus, devices }: NvidiaPlaces): Gpu[] {
  if (!existsSync(gpus)) return [];
  return readdirSync(gpus)
    .toSorted() // bus addresses
    .flatMap((address) => {
      const text = readFileSync(join(gpus, address, "information"), "utf8");
      const field = (name: string): string => new RegExp(`^${name}:\\s*(.*?)\\s*$`, "m").exec(text)?.[1] ?? "";
      const [uuid, minor] = [field("GPU UUID"), field("Device Minor")];
      // One that has fallen off the bus has question marks for a name.
      if (!/^GPU-[0-9a-f-]+$/.test(uuid) || !/^\d+$/.test(minor)) return [];
      return [{ uuid, model: field("Model"), device: join(devices, `nvidia${minor}`) }];
    });
}

function driverFiles({ libraries }: NvidiaPlaces, program: string | undefined): Bind[] {
  const folder = libraries.find((path) => existsSync(join(path, "libcuda.so.1")));
  const names = folder === undefined ? [] : readdirSync(folder).filter((name) => driverLibrary.test(name));
  return [
    ...names.map((name) => ({
      source: realpathSync(join(folder as string, name)),
      target: `${driverFolder}/lib/${name}`,
    })),
    ...(program === undefined ? [] : [{ source: realpathSync(program), target: `${driverFolder}/bin/nvidia-smi` }]),
  ];
}
