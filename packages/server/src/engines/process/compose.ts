import { join } from "node:path";
import type { RunSpec } from "../engine.ts";
import { channelSteps, type SetupStep } from "../supervised/plan.ts";
import { socketName } from "../supervised/run-folder.ts";
import type { Compose } from "../supervised/supervised-engine.ts";

const ml = "/opt/ml";

/**
 * A plain process of the server's own user. Nothing is at its usual place: words of the command that begin with a
 * bind's target are mapped to its source, SAGEBRUSH_ML_ROOT says where /opt/ml is, and channels are copies.
 */
export const composeProcess: Compose = ({ spec, folder, socketFolder, environment }) => {
  const variables: Record<string, string> = { ...environment, SAGEBRUSH_ML_ROOT: spec.mlDirectory };
  if (spec.root.kind === "host-tools") variables["HOME"] = spec.root.home;
  if (spec.serves) variables["SAGEBRUSH_LISTEN"] = join(socketFolder, socketName);
  const steps: SetupStep[] = [];
  for (const [index, channel] of spec.channels.entries()) {
    const target = onHost(spec, channel.target);
    steps.push(...channelSteps(channel, target, join(folder, "channels", String(index))));
  }
  return Promise.resolve({
    settings: [
      ["cwd", spec.workingDirectory === undefined ? spec.mlDirectory : onHost(spec, spec.workingDirectory)],
      ...spec.command.map((word) => ["command", onHost(spec, word)] as const),
      ...Object.entries(variables).map(([name, value]) => ["env", `${name}=${value}`] as const),
    ],
    steps,
  });
};

/** Where a path inside a container lies on the host. */
export function onHost(spec: Pick<RunSpec, "root" | "mlDirectory">, word: string): string {
  const places = [...spec.root.binds, { source: spec.mlDirectory, target: ml }];
  for (const { source, target } of places) {
    if (word === target || word.startsWith(`${target}/`)) return source + word.slice(target.length);
  }
  return word;
}
