import type { Channel } from "../engine.ts";

/** One step that prepares what a run sees. `native/plan.c` reads the same words. */
export type SetupStep =
  | readonly ["dir", path: string, mode: string]
  | readonly ["symlink", target: string, path: string]
  | readonly ["ro", source: string, path: string]
  | readonly ["rw", source: string, path: string]
  | readonly ["file", path: string, text: string]
  | readonly ["own", folder: string]
  | readonly ["mount", root: string, path: string, target: string, mode: "ro" | "rw"]
  /** The root is an overlay; the `layer`s follow, the uppermost first. Only as the first step. */
  | readonly ["layers", work: string]
  | readonly ["layer", folder: string]
  /** A folder of the image that is to be seen at its place when all is mounted, whatever has covered it. */
  | readonly ["shown", path: string]
  | readonly ["channel", target: string, dataRoot: string, work: string, mode: "ro" | "rw"]
  | readonly ["entry", path: string, source: string, sizeBytes: string];

/** A run as its supervisor gets it: settings, then steps. */
export interface Plan {
  readonly settings: readonly (readonly [name: string, ...values: string[]])[];
  readonly steps: readonly SetupStep[];
}

/** Writes a plan as NUL-terminated fields; `end` without one shows that nothing was cut off. */
export function encodePlan(plan: Plan): Buffer {
  const fields: string[] = [];
  for (const record of [...plan.settings, ...plan.steps]) {
    for (const field of record) {
      if (field.includes("\0")) throw new Error(`A NUL character in ${JSON.stringify(field)} of a run`);
      fields.push(field, "\0");
    }
  }
  fields.push("end", "\0");
  return Buffer.from(fields.join(""));
}

/** Words that take another number of arguments than one; `native/plan.c` has the same table. */
const arity: Readonly<Record<string, number>> = {
  log: 2,
  relay: 2,
  dir: 2,
  symlink: 2,
  ro: 2,
  rw: 2,
  file: 2,
  mount: 4,
  channel: 4,
  entry: 3,
};
const settingNames = new Set([
  "run",
  "exit",
  "key",
  "log",
  "uid",
  "gid",
  "range",
  "memory",
  "bwrap",
  "args",
  "seccomp",
  "cwd",
  "form",
  "cpu-weight",
  "cpu-quota",
  "cgroup",
  "env",
  "command",
  "netns",
  "userns",
  "relay",
]);
const stepNames = new Set([
  "dir",
  "symlink",
  "ro",
  "rw",
  "file",
  "own",
  "mount",
  "layers",
  "layer",
  "shown",
  "channel",
  "entry",
]);

/** Reads what {@link encodePlan} wrote. @throws Error when it is cut short. */
export function decodePlan(bytes: Uint8Array): Plan {
  const fields = Buffer.from(bytes).toString().split("\0");
  const settings: [string, ...string[]][] = [];
  const steps: SetupStep[] = [];
  let at = 0;
  for (; fields[at] !== "end"; ) {
    const name = fields[at] ?? "";
    const count = arity[name] ?? 1;
    if (!(settingNames.has(name) || stepNames.has(name)) || at + count >= fields.length)
      throw new Error("The plan of a run is damaged");
    const values = fields.slice(at + 1, at + 1 + count);
    at += 1 + count;
    if (stepNames.has(name)) steps.push([name, ...values] as unknown as SetupStep);
    else settings.push([name, ...values]);
  }
  return { settings, steps };
}

/** The steps that make a channel at `target`, with `work` as its private folder. */
export function channelSteps(channel: Channel, target: string, work: string): SetupStep[] {
  if (new Set(channel.files.map(({ path }) => path)).size < channel.files.length) {
    throw new Error(`A channel cannot hold two files of one name: ${channel.target}`);
  }
  const head = ["channel", target, commonFolder(channel), work, channel.readOnly ? "ro" : "rw"] as const;
  return [
    head,
    ...channel.files.map((file) => {
      checkInside(file.path);
      return ["entry", file.path, file.source, String(file.sizeBytes)] as const;
    }),
  ];
}

/** The deepest folder above every source, or an empty text for a channel without files. */
function commonFolder(channel: Channel): string {
  let common: string[] | undefined;
  let last: string | undefined;
  for (const { source } of channel.files) {
    const folder = source.slice(0, source.lastIndexOf("/"));
    if (folder === last) continue;
    last = folder;
    const parts = folder.split("/");
    if (common === undefined) {
      common = parts;
      continue;
    }
    let same = 0;
    while (same < common.length && common[same] === parts[same]) same++;
    common.length = same;
  }
  return common === undefined ? "" : common.join("/") || "/";
}

/** A key chosen by a user becomes a path here: it may not lead out of its channel. */
function checkInside(path: string): void {
  const parts = path.split("/");
  if (path === "" || parts.some((part) => part === "" || part === "." || part === "..")) {
    throw new Error(`A channel cannot hold a file at ${JSON.stringify(path)}`);
  }
}
