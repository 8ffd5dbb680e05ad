import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";

const root = join(import.meta.dirname, "..", "..");

/**
 * Python of a virtual environment with a benchmark's references, made on first use under .build/ and again when its
 * requirements change.
 */
export function referencePython(name: string, requirements: string): string {
  const directory = join(root, ".build", "python", `bench-${name}`);
  const stamp = join(directory, "requirements.sha256");
  const hash = createHash("sha256").update(readFileSync(requirements)).digest("hex");
  const python = join(directory, "bin", "python");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === hash) return python;
  process.stderr.write(`Installing the references of ${requirements} ...\n`);
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(dirname(directory), { recursive: true });
  must("python3", ["-m", "venv", directory]);
  must(python, ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", requirements]);
  writeFileSync(stamp, hash);
  return python;
}

function must(command: string, args: string[]): void {
  const { status } = spawnSync(command, args, { stdio: ["ignore", 2, 2] });
  if (status !== 0) throw new Error(`\`${[command, ...args].join(" ")}\` failed with exit code ${status}`);
}

/** A process that answers each line of JSON with one line of JSON. */
export class ReferenceProcess {
  readonly #child: ChildProcess;
  readonly #answers: AsyncIterator<string>;

  constructor(command: string, args: readonly string[]) {
    // What reference sides share lies beside this file.
    const env = { ...process.env, PYTHONPATH: import.meta.dirname };
    this.#child = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"], env });
    const lines = createInterface({ input: this.#child.stdout as NonNullable<ChildProcess["stdout"]> });
    this.#answers = lines[Symbol.asyncIterator]();
  }

  /** @returns The answer, which the caller knows the type of. */
  async ask<T>(question: object): Promise<T> {
    this.#child.stdin?.write(`${JSON.stringify(question)}\n`);
    const { value, done } = await this.#answers.next();
    if (done === true) throw new Error("the reference process ended before it answered");
    return JSON.parse(value as string) as T;
  }

  close(): void {
    this.#child.stdin?.end();
  }
}
