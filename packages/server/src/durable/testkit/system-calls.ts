import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** One system call on a file, in the order in which calls ended. */
export interface SystemCall {
  /** `write` (also pwrite64, writev), `fsync` (also fdatasync), `rename`, `unlink`. */
  readonly call: "write" | "fsync" | "rename" | "unlink";
  /** The file, or for a rename its new name. */
  readonly path: string;
  /** Beginning of what was written; for a rename the old name. */
  readonly text: string;
}

/** Whether this machine can trace. Debian: `apt-get install strace`. */
export const canTrace = spawnSync("strace", ["-o", "/dev/null", "true"]).status === 0;

/**
 * Runs a program of ours under strace and returns what it did to files: what the kernel was told, whatever layers lie
 * between. `process.stdout` of the program is among the paths as `stdout`, so that acknowledgements stand in the order.
 */
export function traceProgram(program: string, arguments_: readonly string[]): SystemCall[] {
  const folder = mkdtempSync(join(tmpdir(), "sagebrush-trace-"));
  try {
    const output = join(folder, "trace");
    const calls = "write,pwrite64,writev,pwritev,fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat";
    const options = ["-f", "-y", "-s", "64", "-e", `trace=${calls}`, "-o", output];
    const run = spawnSync("strace", [...options, process.execPath, program, ...arguments_], { encoding: "utf8" });
    if (run.status !== 0) throw new Error(`The traced program failed: ${run.stderr}`);
    return parseTrace(readFileSync(output, "utf8"));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/**
 * Reads strace's output. A call that another thread's interrupts is in two lines; it counts where it ends, except
 * writes to stdout, which count where they begin: an acknowledgement must not seem later than it was.
 */
export function parseTrace(text: string): SystemCall[] {
  const unfinished = new Map<string, string>();
  const calls: SystemCall[] = [];
  for (const line of text.split("\n")) {
    const match = /^(\d+)\s+(.*)$/u.exec(line);
    if (!match) continue;
    const [, thread = "", rest = ""] = match;
    const resumed = /^<\.\.\. \w+ resumed>(.*)$/u.exec(rest);
    if (rest.includes("<unfinished ...>")) {
      const begun = parseCall(rest);
      if (begun?.path === "stdout") calls.push(begun);
      else unfinished.set(thread, rest.replace("<unfinished ...>", ""));
      continue;
    }
    const whole = resumed ? `${unfinished.get(thread) ?? ""}${resumed[1]}` : rest;
    if (resumed) unfinished.delete(thread);
    const call = parseCall(whole);
    if (call && !/= -1 /u.test(whole)) calls.push(call);
  }
  return calls;
}

function parseCall(text: string): SystemCall | undefined {
  const onFile =
    /^(p?writev?(?:64)?|fsync|fdatasync)\((\d+)<([^>]*)>(?:, (?:\[\{iov_base=)?"((?:[^"\\]|\\.)*)")?/u.exec(text);
  if (onFile) {
    const [, name = "", descriptor, path = "", written = ""] = onFile;
    return {
      call: name.includes("write") ? "write" : "fsync",
      path: descriptor === "1" ? "stdout" : path,
      text: written,
    };
  }
  const names = [...text.matchAll(/"((?:[^"\\]|\\.)*)"/gu)].map((match) => match[1] ?? "");
  if (text.startsWith("rename")) return { call: "rename", path: names[1] ?? "", text: names[0] ?? "" };
  if (text.startsWith("unlink")) return { call: "unlink", path: names[0] ?? "", text: "" };
  return undefined;
}
