import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

const fakeProgram = join(import.meta.dirname, "fake-program.ts");

/** A temporary /opt/ml for one run of a program. */
export class MlSandbox implements Disposable {
  readonly root = mkdtempSync(join(tmpdir(), "sagebrush-ml-"));
  readonly socket = join(this.root, "s");

  /** Writes a file; objects become JSON. */
  write(path: string, content: string | Uint8Array | object): this {
    const file = join(this.root, path);
    mkdirSync(dirname(file), { recursive: true });
    const isRaw = typeof content === "string" || content instanceof Uint8Array;
    writeFileSync(file, isRaw ? content : JSON.stringify(content));
    return this;
  }

  /** @returns undefined when there is no such file. */
  read(path: string): string | undefined {
    const file = join(this.root, path);
    return existsSync(file) ? readFileSync(file, "utf8") : undefined;
  }

  /** Starts `train` or `serve`, of the fake algorithm unless another program is given. */
  start(
    action: string,
    environment: Record<string, string> = {},
    name = "fake",
    program = fakeProgram,
    ...more: readonly string[]
  ): Program {
    const child = spawn(process.execPath, [program, action, name, ...more], {
      env: { SAGEBRUSH_ML_ROOT: this.root, SAGEBRUSH_LISTEN: this.socket, ...environment },
      stdio: ["ignore", "pipe", "pipe"],
    });
    return new Program(child);
  }

  [Symbol.dispose](): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}

/** A running program and what it prints. */
export class Program implements Disposable {
  output = "";
  readonly #child: ChildProcess;
  readonly #exit: Promise<unknown[]>;

  constructor(child: ChildProcess) {
    this.#child = child;
    this.#exit = once(child, "close");
    for (const stream of [child.stdout, child.stderr]) stream?.on("data", (text) => (this.output += text));
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** Waits for a text in the output. @throws When the program ends without it. */
  async printed(text: string): Promise<void> {
    while (!this.output.includes(text)) {
      const ended = this.#exit.then(() => "ended");
      const more = this.#child.stdout === null ? ended : once(this.#child.stdout, "data");
      if ((await Promise.race([ended, more])) === "ended" && !this.output.includes(text)) {
        throw new Error(`The program ended without printing "${text}":\n${this.output}`);
      }
    }
  }

  /** @returns The exit code, or the signal that ended it. */
  async ended(): Promise<number | string> {
    const [code, signal] = await this.#exit;
    return (code ?? signal) as number | string;
  }

  [Symbol.dispose](): void {
    this.#child.kill("SIGKILL");
  }
}

export interface Answer {
  readonly status: number | undefined;
  readonly type: string | undefined;
  readonly body: Buffer;
}

/** Sends one request over a Unix socket. */
export async function call(
  socketPath: string,
  method: string,
  path: string,
  headers: Record<string, string> = {},
  body?: string | Buffer,
): Promise<Answer> {
  const outgoing = request({ socketPath, method, path, headers }).end(body);
  const [response] = await once(outgoing, "response");
  return {
    status: response.statusCode,
    type: response.headers["content-type"],
    body: Buffer.concat(await response.toArray()),
  };
}
