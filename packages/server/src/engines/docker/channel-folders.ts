import { readlinkSync } from "node:fs";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { removeTree } from "../../remove-tree.ts";
import type { Channel } from "../engine.ts";
import { copyChannels } from "../fallback/copy-channels.ts";
import { readInputs, writeInputs } from "../supervised/disk-usage.ts";
import { channelSteps, encodePlan } from "../supervised/plan.ts";
import type { Supervisor } from "../supervised/supervisor.ts";
import { usedBytes } from "../used-bytes.ts";
import { runSupervisor } from "./run-supervisor.ts";

/** Lays a run's channels out on the host, where a container can bind them. */
export interface ChannelFolders {
  /** `overlay` costs nothing, `copy` the size of the input. */
  readonly form: "overlay" | "copy";
  /**
   * Makes a folder for each channel, in order. Repeating it makes them anew.
   * @returns Their paths.
   */
  layOut(channels: readonly Channel[], folder: string): Promise<string[]>;
  /** What was changed in them since, in bytes. */
  changedBytes(folder: string): Promise<number>;
  /** Undoes it; nothing there is no error. */
  clear(folder: string): Promise<void>;
}

/**
 * The best way on this host. Overlays are mounted for everyone to see, so they want root and the host's own mounts: in
 * a mount namespace of the server's the container engine would see empty folders.
 */
export function channelFolders(supervisor: Supervisor): ChannelFolders {
  const form = supervisor.kind === "native" && process.geteuid?.() === 0 && hasHostMounts() ? "overlay" : "copy";
  return {
    form,
    async layOut(channels, folder) {
      await clear(supervisor, folder);
      const places = channels.map((_, index) => join(folder, String(index), "files"));
      const steps = channels.flatMap((channel, index) =>
        channelSteps(channel, places[index] as string, join(folder, String(index), "layers")),
      );
      for (const place of places) await mkdir(place, { recursive: true });
      if (form === "copy") await copyChannels(steps, undefined, false);
      else if (steps.length > 0)
        await layOverlays(supervisor, folder, encodePlan({ settings: settings(folder), steps }));
      await mkdir(folder, { recursive: true });
      await writeInputs(folder, channels);
      return places;
    },
    async changedBytes(folder) {
      const inputs = await readInputs(folder);
      const places = inputs.map((_, index) => join(folder, String(index), form === "copy" ? "files" : "layers/upper"));
      const given = form === "copy" ? inputs.reduce((sum, bytes) => sum + bytes, 0) : 0;
      return (await usedBytes(places)) - given;
    },
    clear: (folder) => clear(supervisor, folder),
  };
}

/** Root in a container is root outside, unless the engine maps users. The other settings are for runs. */
function settings(folder: string): (readonly [string, ...string[]])[] {
  return [
    ["run", folder],
    ["exit", folder],
    ["key", folder],
    ["log", folder, "0"],
    ["uid", "0"],
    ["command", ""],
  ];
}

async function layOverlays(supervisor: Supervisor, folder: string, plan: Buffer): Promise<void> {
  const path = join(folder, "plan");
  await writeFile(path, plan, { mode: 0o600 });
  const why = await runSupervisor(supervisor, ["channels", path]);
  if (why !== undefined) throw new Error(`The channels could not be laid out: ${why}`);
}

async function clear(supervisor: Supervisor, folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => []); // none yet
  if (names.length === 0) return removeTree(folder);
  const mounts = await mountedBelow(folder);
  for (const place of mounts.toReversed()) await runSupervisor(supervisor, ["unmount", place]);
  const left = await mountedBelow(folder);
  // Deleting through a mount would delete what lies behind it.
  if (left.length > 0) throw new Error(`${left[0]} cannot be unmounted`);
  await removeTree(folder);
}

/** Every mount point below a folder, outer ones first. */
async function mountedBelow(folder: string): Promise<string[]> {
  const text = await readFile("/proc/self/mountinfo", "utf8").catch(() => ""); // not Linux: nothing of ours is mounted
  return text
    .split("\n")
    .map((line) => (line.split(" ")[4] ?? "").replaceAll(/\\(\d{3})/g, (_, octal: string) => octet(octal)))
    .filter((path) => path.startsWith(`${folder}/`));
}

/** Spaces and the like are written as `\040`. */
function octet(octal: string): string {
  return String.fromCharCode(Number.parseInt(octal, 8));
}

function hasHostMounts(): boolean {
  try {
    return readlinkSync("/proc/self/ns/mnt") === readlinkSync("/proc/1/ns/mnt");
  } catch {
    return false; // not Linux, or not root
  }
}
