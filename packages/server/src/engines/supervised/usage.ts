import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import type { RunUsage } from "../engine.ts";

const root = "/sys/fs/cgroup";
/** The kernel counts process times in hundredths of a second for every program. */
const ticksPerSecond = 100;
/** Processes of one run that are looked at. */
const maxProcesses = 2_000;
/** Processes that are looked at before others on this thread get a turn. About a millisecond. */
const processesInARow = 32;

/**
 * What a run has used: its control group tells the totals, where it has one; its processes tell the rest.
 * @param group - Name of the control group.
 * @param first - The run's first process that we know of.
 * @returns `undefined` where nothing of it runs.
 */
export async function readUsage(group: string, first: number | undefined): Promise<RunUsage | undefined> {
  const pids = first === undefined ? [] : await processTree(first);
  const processes: Process[] = [];
  for (const [at, pid] of pids.entries()) {
    if (at % processesInARow === processesInARow - 1) await turn();
    const seen = readProcess(pid);
    if (seen) processes.push(seen);
  }
  if (processes.length === 0) return undefined;
  const sum = (of: (process: Process) => number): number => processes.reduce((total, each) => total + of(each), 0);
  return {
    cpuSeconds: groupCpuSeconds(group) ?? sum(({ cpuSeconds }) => cpuSeconds),
    memoryBytes: groupMemoryBytes(group) ?? sum(({ memoryBytes }) => memoryBytes),
    readBytes: sum(({ readBytes }) => readBytes),
    writtenBytes: sum(({ writtenBytes }) => writtenBytes),
    ...readNetwork(pids.at(-1) as number),
  };
}

/** Groups of version 2 count CPU time whether or not their controller is on. */
function groupCpuSeconds(group: string): number | undefined {
  for (const hierarchy of ["", "unified"]) {
    const text = read(join(root, hierarchy, "sagebrush", group, "cpu.stat"));
    const micros = /^usage_usec (\d+)/m.exec(text)?.[1];
    if (micros !== undefined) return Number(micros) / 1e6;
  }
  return undefined;
}

/** What could be dropped at once (pages of files that were read) does not count. */
function groupMemoryBytes(group: string): number | undefined {
  const places = [
    { folder: join(root, "sagebrush", group), file: "memory.current", inactive: "inactive_file" },
    {
      folder: join(root, "memory", "sagebrush", group),
      file: "memory.usage_in_bytes",
      inactive: "total_inactive_file",
    },
  ];
  for (const { folder, file, inactive } of places) {
    const used = Number.parseInt(read(join(folder, file)));
    if (!Number.isFinite(used)) continue;
    const dropped = new RegExp(`^${inactive} (\\d+)`, "m").exec(read(join(folder, "memory.stat")))?.[1];
    return Math.max(0, used - Number(dropped ?? 0));
  }
  return undefined;
}

interface Process {
  readonly cpuSeconds: number;
  readonly memoryBytes: number;
  readonly readBytes: number;
  readonly writtenBytes: number;
}

/** A process and all its descendants, breadth first. */
async function processTree(first: number): Promise<number[]> {
  const pids = [first];
  for (let at = 0; at < pids.length && pids.length < maxProcesses; at++) {
    if (at % processesInARow === processesInARow - 1) await turn();
    const children = read(`/proc/${pids[at]}/task/${pids[at]}/children`);
    pids.push(...children.split(" ").filter(Boolean).map(Number));
  }
  return pids;
}

/** A process with those of its children that have ended; `undefined` for one that has ended itself. */
function readProcess(pid: number): Process | undefined {
  const stat = read(`/proc/${pid}/stat`);
  // The name before it is in parentheses and may hold anything.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  if (fields.length < 22) return undefined;
  const io = read(`/proc/${pid}/io`);
  const ticks = [11, 12, 13, 14].reduce((sum, index) => sum + Number(fields[index]), 0);
  return {
    cpuSeconds: ticks / ticksPerSecond,
    memoryBytes: Number(fields[21]) * pageBytes,
    readBytes: Number(/^read_bytes: (\d+)/m.exec(io)?.[1] ?? 0),
    writtenBytes: Number(/^write_bytes: (\d+)/m.exec(io)?.[1] ?? 0),
  };
}

/** Linux has pages of 4 KiB on every machine that this runs on but some of ARM, where memory is told by control groups. */
const pageBytes = 4096;

/** Bytes over `eth0` of the run's own network; a run that shares the host's network has none of its own. */
export function readNetwork(pid: number): { receivedBytes: number; sentBytes: number } {
  const [own, host] = [read(`/proc/${pid}/net/dev`), read("/proc/self/net/dev")];
  const line = own === host ? undefined : /^\s*eth0:\s*(.*)$/m.exec(own)?.[1];
  const fields = line?.trim().split(/\s+/) ?? [];
  return { receivedBytes: Number(fields[0] ?? 0), sentBytes: Number(fields[8] ?? 0) };
}

/** The text of a kernel file; empty where there is none, or no longer. */
function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return ""; // the process ended, or the host has no such file
  }
}
