import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type RootFs, RunRefused, type RunSpec } from "../engine.ts";
import { withDriver } from "../gpu-driver.ts";
import { channelSteps, type SetupStep } from "../supervised/plan.ts";
import { homeFolder, socketName } from "../supervised/run-folder.ts";
import type { Compose } from "../supervised/supervised-engine.ts";
import { bubblewrapOptions } from "./bubblewrap.ts";
import { homeTarget, hostToolsRoot } from "./host-tools-root.ts";
import { layersRoot, shownMlFolders } from "./layers-root.ts";
import { type Libraries, minimalRoot } from "./minimal-root.ts";
import { networkFiles } from "./network-files.ts";

/** What keeps images out of sandboxes where set-up found no compiler. */
export const noLayers =
  "this host has no native supervisor, which container images need in sandboxes: install a C compiler " +
  "(Debian: apt-get install gcc libc6-dev) and run set-up again, or start Docker or Podman";

/** Where a server's socket folder appears inside. */
const socketTarget = "/opt/sagebrush/run";

/** What the sandbox needs from the host. */
export interface SandboxHost {
  readonly bubblewrap: string;
  /** File with the seccomp filter. */
  readonly filter: string;
  readonly libraries: Promise<Libraries>;
  /** An unprivileged user for a run, when we are root; undefined: everything runs as our own user. */
  uidFor(id: string, folder: string): Promise<number | undefined>;
  /** The first of a run's own range of users, when we are root. */
  rangeFor(id: string, folder: string): Promise<number | undefined>;
  /** Whether the supervisor can lay an image's layers over one another. */
  readonly hasLayers: boolean;
  /** First form of channel to try; weaker ones follow by themselves. */
  readonly channelForm?: string;
}

/** Turns a run into a minimal root, built by the supervisor, and options for bubblewrap. */
export function composeSandbox(host: SandboxHost): Compose {
  return async ({ id, spec, folder, scratch, socketFolder, allotment, environment, attachment }) => {
    const { root } = spec;
    const ids = await idsOf(host, id, folder, root);
    const args = join(folder, "bwrap-options");
    const listens = spec.serves && "socket" in spec.serves;
    const { gpus } = spec.resources;
    const inside = {
      ...(root.kind === "layers" ? withDriver(environment, gpus) : environment),
      ...(spec.root.kind === "host-tools" && { HOME: homeTarget }),
      ...(listens && { SAGEBRUSH_LISTEN: `${socketTarget}/${socketName}` }),
    };
    const options = bubblewrapOptions({
      hostname: spec.hostname,
      // The supervisor has entered the run's namespace before.
      ownNetwork: attachment === undefined,
      workingDirectory: spec.workingDirectory ?? "/",
      ...(root.kind === "layers" && {
        image: { hasRange: ids.range !== undefined, user: root.user ?? { uid: 0, gid: 0 } },
      }),
      environment: inside,
      ...(gpus && { devices: gpus.devices }),
      root: ["--bind", "/tmp", "/"], // the supervisor leaves the prepared root there
      belowTmp: root.binds.map(({ target }) => target).filter((target) => target.startsWith("/tmp/")),
      scratchBytes: allotment.memoryBytes / 2,
    });
    await writeFile(args, options, { mode: 0o600 });
    const channels = spec.channels.toSorted((a, b) => (a.target < b.target ? -1 : 1)); // outer ones first
    const steps: SetupStep[] = [
      ...(await rootSteps(host, spec, scratch)),
      ...root.binds.map(({ source, target }) => ["ro", source, target] as const),
      // Elsewhere the host's own /usr has it, or nothing asks for it.
      ...(root.kind === "layers" ? (gpus?.driver ?? []) : []).map(
        ({ source, target }) => ["ro", source, target] as const,
      ),
      ...networkFiles(spec.hostname, attachment),
      ...(root.kind === "layers" ? await shownMlFolders(root, spec) : []),
      ["own", spec.mlDirectory],
      ["rw", spec.mlDirectory, "/opt/ml"],
      ...channels.flatMap((channel, index) =>
        channelSteps(channel, channel.target, join(scratch, "channels", String(index))),
      ),
    ];
    for (const { root, path, target, readOnly } of spec.mounts ?? []) {
      steps.push(["mount", root, path, target, readOnly ? "ro" : "rw"]);
    }
    if (root.kind === "layers") steps.push(...root.folders.map((path) => ["dir", path, "755"] as const));
    if (listens) steps.push(["own", socketFolder], ["rw", socketFolder, socketTarget]);
    return {
      settings: [
        ["bwrap", host.bubblewrap],
        ["args", args],
        ["seccomp", host.filter],
        ...Object.entries(ids).map(([name, value]) => [name, String(value)] as const),
        ...(host.channelForm === undefined ? [] : [["form", host.channelForm] as const]),
        ...spec.command.map((word) => ["command", word] as const),
      ],
      steps,
    };
  };
}

/** Ids outside: one for a run of our own files; for an image a range, and where its user lies in it. */
async function idsOf(
  host: SandboxHost,
  id: string,
  folder: string,
  root: RootFs,
): Promise<{ uid?: number; gid?: number; range?: number }> {
  if (root.kind !== "layers") {
    const uid = await host.uidFor(id, folder);
    return uid === undefined ? {} : { uid };
  }
  if (!host.hasLayers) throw new RunRefused(`Container images: ${noLayers}.`);
  const range = await host.rangeFor(id, folder);
  const { uid, gid } = root.user ?? { uid: 0, gid: 0 };
  return range === undefined ? {} : { uid: range + uid, gid: range + gid, range };
}

async function rootSteps(host: SandboxHost, { root, hostname }: RunSpec, folder: string): Promise<SetupStep[]> {
  switch (root.kind) {
    case "files":
      return minimalRoot(await host.libraries);
    case "host-tools": {
      const loginVariables = join(folder, "login-variables");
      await writeFile(loginVariables, "");
      const targets = root.binds.map(({ target }) => target);
      return hostToolsRoot({ home: await homeFolder(folder), loginVariables, targets });
    }
    case "layers":
      return layersRoot(root, join(folder, "root"), hostname);
    case "image":
      throw new Error(`Image ${root.reference} is of a container engine, which runs it`);
  }
}
