import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Gpus } from "./gpus.ts";
import { findNvidiaGpus } from "./nvidia.ts";

/** A machine with stand-ins for GPUs: what the kernel says of them, device files, a driver's files and its program. */
export interface StandInGpus {
  readonly gpus: Gpus;
  readonly folder: string;
  /** What the program says from now on. */
  say(text: string): void;
  remove(): void;
}

/** The name of the stand-in with this number. */
export const standInUuid = (index: number): string => `GPU-0000000${index}-aaaa-bbbb-cccc-dddddddddddd`;

/** Makes `count` of them. The device file with number n holds the text `device n`. */
export function standInGpus(count: number, parent = tmpdir()): StandInGpus {
  const folder = mkdtempSync(join(parent, "sagebrush-gpus-"));
  chmodSync(folder, 0o755); // whoever runs may pass, as in /dev
  const [devices, bin, lib] = ["dev", "bin", "lib"].map((name) => join(folder, name)) as [string, string, string];
  for (const path of [devices, bin, lib]) mkdirSync(path);
  for (let index = 0; index < count; index++) {
    const about = join(folder, "gpus", `0000:0${index}:00.0`);
    mkdirSync(about, { recursive: true });
    // The kernel numbers device files in an order of its own.
    const minor = count - 1 - index;
    const lines = [
      "Model: \t\t NVIDIA Stand-in",
      `GPU UUID: \t ${standInUuid(index)}`,
      `Bus Location: \t 0000:0${index}:00.0`,
      `Device Minor: \t ${minor}`,
    ];
    writeFileSync(join(about, "information"), `${lines.join("\n")}\n`);
    writeFileSync(join(devices, `nvidia${minor}`), `device ${minor}\n`);
  }
  for (const name of ["nvidiactl", "nvidia-uvm"]) writeFileSync(join(devices, name), `${name}\n`);
  for (const name of ["libcuda.so.1", "libnvidia-ml.so.1", "libother.so.1"])
    writeFileSync(join(lib, name), `${name} of the host\n`);
  const say = (text: string): void => {
    writeFileSync(join(bin, "nvidia-smi"), `#!/bin/sh\ncat <<'END'\n${text}END\n`);
    chmodSync(join(bin, "nvidia-smi"), 0o755);
  };
  say("");
  return {
    gpus: findNvidiaGpus({ gpus: join(folder, "gpus"), devices, libraries: [lib], path: bin }),
    folder,
    say,
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
