import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { median, report } from "./support/report.ts";

/**
 * Cold start: from spawning `sagebrush up` on an existing data directory to the first answered request, and the
 * resident memory of all our processes together once idle. Resident set size, summed: shared pages count once for each process.
 */
const rounds = 11;
const command = join(import.meta.dirname, "..", "bin", "sagebrush");
const dataDirectory = mkdtempSync(join(tmpdir(), "sagebrush-cold-start-"));
const port = await freePort();
const seconds: number[] = [];
const megabytes: number[] = [];
try {
  // The first start makes the data directory; it is not measured.
  for (let round = 0; round <= rounds; round++) {
    const started = performance.now();
    const child = spawn(process.execPath, [command, "up", "--data-dir", dataDirectory, "--port", String(port)], {
      stdio: ["ignore", "ignore", "inherit"],
    });
    const died = new Promise<never>((_, reject) => child.once("exit", () => reject(new Error("The server ended."))));
    await Promise.race([firstAnswer(), died]);
    died.catch(() => {});
    if (round > 0) seconds.push((performance.now() - started) / 1000);
    if (round === rounds) {
      // Idle: nothing is asked of the server while its start-up garbage is collected.
      await new Promise((resolve) => setTimeout(resolve, 5000));
      megabytes.push(residentMegabytes(child.pid as number));
    }
    const exit = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGTERM");
    await exit;
  }
} finally {
  rmSync(dataDirectory, { recursive: true, force: true });
}
report("cold-start", [
  { what: "spawn to first answered request, median", value: median(seconds), unit: "s", must: "<= 0.6" },
  { what: "resident memory idle, all processes", value: median(megabytes), unit: "MB", must: "<= 150" },
]);

async function firstAnswer(): Promise<void> {
  for (;;) {
    try {
      const answer = await fetch(`http://127.0.0.1:${port}/`);
      await answer.arrayBuffer();
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }
}

function residentMegabytes(pid: number): number {
  return tree(pid).reduce((sum, each) => {
    const rollup = readFileSync(`/proc/${each}/status`, "utf8");
    return sum + Number(/^VmRSS:\s+(\d+) kB/m.exec(rollup)?.[1] ?? 0) / 1000;
  }, 0);
}

function tree(root: number): number[] {
  const parents = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, "utf8");
        return [{ pid: Number(name), parent: Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]) }];
      } catch {
        // Ended between the listing and this look.
        return [];
      }
    });
  const found = [root];
  for (const pid of found) found.push(...parents.filter(({ parent }) => parent === pid).map((each) => each.pid));
  return found;
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address ? address.port : 0));
    });
  });
}
