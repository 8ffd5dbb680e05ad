import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** A process that cannot be mistaken for a later one with the same number. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks since boot on Linux, another stable text elsewhere. */
  readonly start: string;
  readonly boot: string;
}

let boot: string | undefined;

/** Names this boot of the machine, as far as the system tells. */
export function bootId(): string {
  boot ??= readOr("/proc/sys/kernel/random/boot_id", "-").trim();
  return boot;
}

/** Names a process that runs now. */
export function identityOf(pid: number): ProcessIdentity {
  return { pid, start: startOf(pid) ?? "", boot: bootId() };
}

/** Reads `PID START BOOT`, the text of a run's `pid` file. */
export function parseIdentity(text: string): ProcessIdentity | undefined {
  const [pid, start, bootText] = text.trim().split(" ");
  const number = Number(pid);
  if (!Number.isInteger(number) || number <= 1 || start === undefined || bootText === undefined) return undefined;
  return { pid: number, start, boot: bootText };
}

/** When process `pid` began, or undefined when there is none (a zombie counts as none). */
export function startOf(pid: number): string | undefined {
  if (process.platform !== "linux") return startByPs(pid);
  const stat = readOr(`/proc/${pid}/stat`, "");
  // The name in brackets may itself hold brackets and spaces.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return stat === "" || fields[0] === "Z" || fields[0] === "X" ? undefined : fields[19];
}

/** Whether this very process still runs. */
export function isAlive(identity: ProcessIdentity): boolean {
  return identity.boot === bootId() && startOf(identity.pid) === identity.start;
}

function startByPs(pid: number): string | undefined {
  try {
    const text = execFileSync("ps", ["-o", "lstart=", "-p", String(pid)], { encoding: "utf8" }).trim();
    return text === "" ? undefined : text.replaceAll(/\s+/g, "_");
  } catch {
    return undefined; // ps ends with 1 when there is no such process
  }
}

function readOr(path: string, otherwise: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return otherwise; // gone, or not a Linux system
  }
}
