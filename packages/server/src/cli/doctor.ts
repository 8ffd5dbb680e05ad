import { spawnSync } from "node:child_process";
import { existsSync, statfsSync } from "node:fs";
import { dirname } from "node:path";
import { engineSettings, parseCommandLine, readConfiguration } from "../configuration.ts";
import { engineFacts } from "../engines/index.ts";
import { findServer } from "./running-server.ts";

interface Finding {
  readonly state: "ok" | "missing" | "problem";
  readonly what: string;
  /** What its absence costs, and what to do. */
  readonly cost?: string;
}

const lowDiskBytes = 2 * 2 ** 30;

/** `sagebrush doctor`: exit code 1 only when something keeps the platform from working at all. */
export async function run(args: readonly string[]): Promise<number> {
  const configuration = readConfiguration(parseCommandLine(args).values);
  const engine = await engineFacts(engineSettings(configuration));
  const findings: Finding[] = [
    system(),
    { state: "ok", what: `Node ${process.version}` },
    ...engine,
    python(),
    disk(configuration.dataDirectory),
    server(configuration.dataDirectory),
  ];
  for (const { state, what, cost } of findings) {
    process.stdout.write(`${state.padEnd(8)} ${what}\n${cost === undefined ? "" : `         ${cost}\n`}`);
  }
  return findings.some((finding) => finding.state === "problem") ? 1 : 0;
}

function system(): Finding {
  const what = `${process.platform} ${process.arch}`;
  if (process.platform === "linux") return { state: "ok", what };
  if (process.platform === "darwin") {
    const cost = "Built-in algorithms run as plain processes; code with hard-coded /opt/ml paths fails.";
    return { state: "missing", what: `${what}: no sandbox on this system`, cost };
  }
  return { state: "problem", what, cost: "Only Linux and macOS are supported; on Windows use WSL2." };
}

function python(): Finding {
  const found = spawnSync("python3", ["-c", "import sys, venv, ensurepip; print(sys.version.split()[0])"], {
    encoding: "utf8",
  });
  if (found.status === 0) return { state: "ok", what: `Python ${found.stdout.trim()} with venv and pip` };
  const cost = "The suites of the Python clients are skipped by `npm test`. Debian: apt-get install python3-venv.";
  return { state: "missing", what: "Python 3 with venv and pip", cost };
}

function disk(dataDirectory: string): Finding {
  let folder = dataDirectory;
  while (!existsSync(folder)) folder = dirname(folder);
  const { bavail, bsize } = statfsSync(folder);
  const free = bavail * bsize;
  const what = `${(free / 2 ** 30).toFixed(1)} GiB free for ${dataDirectory}`;
  if (free >= lowDiskBytes) return { state: "ok", what };
  return { state: "problem", what, cost: "Uploads and jobs fail when it is full. Free some, or choose --data-dir." };
}

function server(dataDirectory: string): Finding {
  const running = findServer(dataDirectory);
  return {
    state: "ok",
    what: running ? `server on ${running.url} (process ${running.process.pid})` : "no server is running",
  };
}
