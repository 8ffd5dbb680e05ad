import { mkdir, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { RunRefused, type RunSpec } from "../engine.ts";
import { sharedDirectory } from "../shared-directory.ts";
import { channelSteps, type SetupStep } from "../supervised/plan.ts";
import { homeFolder, socketName } from "../supervised/run-folder.ts";
import type { Compose } from "../supervised/supervised-engine.ts";

const ml = "/opt/ml";

/**
 * A plain process of the server's own user. Nothing is at its usual place: words of the command that begin with a
 * bind's target are mapped to its source, SAGEBRUSH_ML_ROOT says where /opt/ml is, channels are copies, and links lead to
 * mounts.
 */
export const composeProcess: Compose = async ({ spec, scratch, socketFolder, environment }) => {
  const variables: Record<string, string> = { ...environment, SAGEBRUSH_ML_ROOT: spec.mlDirectory };
  if (spec.root.kind === "host-tools") variables["HOME"] = await homeFolder(scratch);
  refuseNetworks(spec);
  if (spec.serves) variables["SAGEBRUSH_LISTEN"] = join(socketFolder, socketName);
  const steps: SetupStep[] = [];
  for (const [index, channel] of spec.channels.entries()) {
    const target = onHost(spec, channel.target);
    steps.push(...channelSteps(channel, target, join(scratch, "channels", String(index))));
  }
  for (const mount of spec.mounts ?? []) await link(await sharedDirectory(mount), onHost(spec, mount.target));
  return {
    settings: [
      ["cwd", spec.workingDirectory === undefined ? spec.mlDirectory : onHost(spec, spec.workingDirectory)],
      ...spec.command.map((word) => ["command", onHost(spec, word)] as const),
      ...Object.entries(variables).map(([name, value]) => ["env", `${name}=${value}`] as const),
    ],
    steps,
  };
};

/** The host's network is the only one here: nothing can be kept from a run, and no name given to it. */
function refuseNetworks({ network, serves }: RunSpec): void {
  const why = "Runs are plain processes on this host's own network, without sandboxes";
  if (network.kind === "bridge" && network.hosts.length > 1)
    throw new RunRefused(`${why}: ${network.hosts.length} hosts cannot have names. Install bubblewrap.`);
  if (network.kind === "bridge" && !network.internet)
    throw new RunRefused(`${why}: they cannot be cut off from it. Install bubblewrap.`);
  if (serves && "port" in serves)
    throw new RunRefused(`${why}: several servers cannot have port ${serves.port}. Install bubblewrap.`);
}

async function link(to: string, path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await symlink(to, path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EEXIST") throw error; // made by an earlier try of this start
  });
}

/** Where a path inside a container lies on the host. */
export function onHost(spec: Pick<RunSpec, "root" | "mlDirectory">, word: string): string {
  const places = [...spec.root.binds, { source: spec.mlDirectory, target: ml }];
  for (const { source, target } of places) {
    if (word === target || word.startsWith(`${target}/`)) return source + word.slice(target.length);
  }
  return word;
}
