import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { channelSteps, type SetupStep } from "../supervised/plan.ts";
import { homeFolder, socketName } from "../supervised/run-folder.ts";
import type { Compose } from "../supervised/supervised-engine.ts";
import { bubblewrapOptions } from "./bubblewrap.ts";
import { homeTarget, hostToolsRoot } from "./host-tools-root.ts";
import { type Libraries, minimalRoot } from "./minimal-root.ts";
import { networkFiles } from "./network-files.ts";

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
  /** First form of channel to try; weaker ones follow by themselves. */
  readonly channelForm?: string;
}

/** Turns a run into a minimal root, built by the supervisor, and options for bubblewrap. */
export function composeSandbox(host: SandboxHost): Compose {
  return async ({ id, spec, folder, socketFolder, allotment, environment, attachment }) => {
    const uid = await host.uidFor(id, folder);
    const args = join(folder, "bwrap-options");
    const listens = spec.serves && "socket" in spec.serves;
    const inside = {
      ...environment,
      ...(spec.root.kind === "host-tools" && { HOME: homeTarget }),
      ...(listens && { SAGEBRUSH_LISTEN: `${socketTarget}/${socketName}` }),
    };
    const options = bubblewrapOptions({
      hostname: spec.hostname,
      // The supervisor has entered the run's namespace before.
      ownNetwork: attachment === undefined,
      workingDirectory: spec.workingDirectory ?? "/",
      environment: inside,
      root: ["--bind", "/tmp", "/"], // the supervisor leaves the prepared root there
      scratchBytes: allotment.memoryBytes / 2,
    });
    await writeFile(args, options, { mode: 0o600 });
    const channels = spec.channels.toSorted((a, b) => (a.target < b.target ? -1 : 1)); // outer ones first
    const steps: SetupStep[] = [
      ...(spec.root.kind === "host-tools"
        ? hostToolsRoot(await homeFolder(folder))
        : minimalRoot(await host.libraries)),
      ...spec.root.binds.map(({ source, target }) => ["ro", source, target] as const),
      ...networkFiles(spec.hostname, attachment),
      ["own", spec.mlDirectory],
      ["rw", spec.mlDirectory, "/opt/ml"],
      ...channels.flatMap((channel, index) =>
        channelSteps(channel, channel.target, join(folder, "channels", String(index))),
      ),
    ];
    for (const { root, path, target, readOnly } of spec.mounts ?? []) {
      steps.push(["mount", root, path, target, readOnly ? "ro" : "rw"]);
    }
    if (listens) steps.push(["own", socketFolder], ["rw", socketFolder, socketTarget]);
    return {
      settings: [
        ["bwrap", host.bubblewrap],
        ["args", args],
        ["seccomp", host.filter],
        ...(uid === undefined ? [] : [["uid", String(uid)] as const]),
        ...(host.channelForm === undefined ? [] : [["form", host.channelForm] as const]),
        ...spec.command.map((word) => ["command", word] as const),
      ],
      steps,
    };
  };
}
