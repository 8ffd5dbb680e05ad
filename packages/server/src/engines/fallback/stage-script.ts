import type { SetupStep } from "../supervised/plan.ts";

/**
 * A shell script that builds a run's root with mount(8) and leaves it on /tmp of its mount namespace, then executes its
 * arguments: what `native/stage.c` does with system calls.
 */
export function stageScript(stage: string, steps: readonly SetupStep[], uid: number | undefined): string {
  const lines = [
    "set -e",
    "exec 2>&1",
    "umask 022",
    `mount -t tmpfs -o mode=0755,size=4m,nosuid,nodev tmpfs ${quote(stage)}`,
  ];
  for (const step of steps) lines.push(...stepLines(stage, step, uid));
  // dash cannot close a descriptor it does not know, and needs none: 3 to 5 are bubblewrap's.
  lines.push(`mount --rbind ${quote(stage)} /tmp`, "cd /", 'exec "$@"');
  return lines.join("\n");
}

function stepLines(stage: string, step: SetupStep, uid: number | undefined): string[] {
  switch (step[0]) {
    case "dir":
      return [`mkdir -p ${quote(stage + step[1])}`, `chmod ${step[2]} ${quote(stage + step[1])}`];
    case "symlink":
      return [`ln -s ${quote(step[1])} ${quote(stage + step[2])}`];
    case "ro":
      return [
        ...bindLines(step[1], stage + step[2]),
        `mount -o remount,bind,ro,nosuid,nodev ${quote(stage + step[2])}`,
      ];
    case "rw":
      return [...bindLines(step[1], stage + step[2]), `mount -o remount,bind,nosuid,nodev ${quote(stage + step[2])}`];
    case "mount": {
      const target = stage + step[3];
      const flags = step[4] === "ro" ? "ro,nosuid,nodev" : "nosuid,nodev";
      const place = quote(step[2] === "" ? step[1] : `${step[1]}/${step[2]}`);
      return [
        // Its path has no links, unless somebody put one there meanwhile.
        `[ "$(realpath ${place})" = ${place} ] || { echo ${quote(`${step[2]} leads out of ${step[1]}`)}; exit 1; }`,
        ...bindLines(step[2] === "" ? step[1] : `${step[1]}/${step[2]}`, target),
        `mount -o remount,bind,${flags} ${quote(target)}`,
      ];
    }
    case "file":
      return [`printf %s ${quote(step[2])} > ${quote(stage + step[1])}`];
    case "own":
      return uid === undefined ? [] : [`chown -hR ${uid}:${uid} ${quote(step[1])}`];
    case "channel": {
      const target = stage + step[1];
      const flags = step[4] === "ro" ? "ro,nosuid,nodev" : "nosuid,nodev";
      const own = uid === undefined ? [] : [`chown -h ${uid}:${uid} ${quote(target)}`];
      return [...bindLines(`${step[3]}/copies`, target), ...own, `mount -o remount,bind,${flags} ${quote(target)}`];
    }
    case "layers":
    case "layer":
    case "shown":
      // Maps of ids have no command on every distribution: the engine does not ask this supervisor for them.
      throw new Error("container images need the native supervisor");
    case "entry":
      return []; // copied before
  }
}

/** A bind mount over a mount point of the same kind. */
function bindLines(source: string, target: string): string[] {
  const folder = target.slice(0, target.lastIndexOf("/"));
  return [
    `if [ -d ${quote(source)} ]; then mkdir -p ${quote(target)}; else mkdir -p ${quote(folder)}; : >> ${quote(target)}; fi`,
    `mount --rbind ${quote(source)} ${quote(target)}`,
  ];
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
