import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const root = join(import.meta.dirname, "..", "..");
const command = join(root, "bin", "sagebrush");

/** A server in a process of its own, started as a user starts it. */
export interface RunningServer {
  readonly dataDirectory: string;
  readonly url: string;
  /** What `sagebrush env` exports. */
  readonly environment: Readonly<Record<string, string>>;
  /** The process itself, for tests that kill it. */
  readonly pid: number;
  stop(): Promise<void>;
}

/** Runs `sagebrush ...` and returns its standard output. */
export function sagebrush(dataDirectory: string, ...args: readonly string[]): string {
  const [name = "", ...rest] = args;
  const result = spawnSync(process.execPath, [command, name, "--data-dir", dataDirectory, ...rest], {
    encoding: "utf8",
    maxBuffer: 2 ** 28, // of logs that have grown
  });
  if (result.status !== 0) throw new Error(`sagebrush ${args.join(" ")}: ${result.stderr}`);
  return result.stdout;
}

/** Starts `sagebrush up` on a directory (a new one unless given) and a free port, and waits until it answers. */
export async function startServer(
  options: { dataDirectory?: string; settings?: readonly string[] } = {},
): Promise<RunningServer> {
  const dataDirectory = options.dataDirectory ?? mkdtempSync(join(tmpdir(), "sagebrush-test-"));
  const child = spawn(
    process.execPath,
    [command, "up", "--data-dir", dataDirectory, "--port", "0", ...(options.settings ?? [])],
    { stdio: ["ignore", "pipe", "pipe"] },
  );
  let printed = "";
  const url = await new Promise<string>((resolve, reject) => {
    const look = (chunk: Buffer): void => {
      printed += chunk.toString();
      const match = /listens on (\S+)/.exec(printed);
      if (match?.[1] !== undefined) resolve(match[1]);
    };
    child.stdout.on("data", look);
    child.stderr.on("data", look);
    child.on("exit", () => reject(new Error(`The server ended at its start:\n${printed}`)));
  });
  const exports = sagebrush(dataDirectory, "env").matchAll(/^export (\w+)='(.*)'$/gm);
  return {
    dataDirectory,
    url,
    environment: Object.fromEntries([...exports].map((match) => [match[1], match[2]])) as Record<string, string>,
    pid: child.pid ?? 0,
    stop: async () => {
      const ended = child.exitCode !== null || child.signalCode !== null;
      const exit = new Promise((resolve) => child.once("exit", resolve));
      if (!ended) {
        child.kill("SIGTERM");
        await exit;
      }
      sagebrush(dataDirectory, "down", "--all");
      rmSync(dataDirectory, { recursive: true, force: true });
    },
  };
}

/** The code block of README.md that follows `<!-- snippet: TITLE -->`. */
export function readmeSnippet(title: string): string {
  const text = readFileSync(join(root, "README.md"), "utf8");
  const match = new RegExp(`<!-- snippet: ${title} -->\\n+\`\`\`\\w+\\n([\\s\\S]*?)\`\`\``).exec(text);
  if (match?.[1] === undefined) throw new Error(`README.md has no snippet called ${title}.`);
  return match[1];
}
