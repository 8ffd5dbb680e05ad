import { type ChildProcess, spawn } from "node:child_process";
import type { Socket } from "node:net";
import { interpret, type Launch, launch, launchPatienceMillis, type Supervisor } from "./supervisor.ts";

/** What a supervisor said; `undefined` when the small process went before it could pass it on. */
type Said = string | undefined;

/**
 * Starts supervisors, the native ones by a small process that forks for this one (native/launcher.c): a fork of the server costs some
 * milliseconds for its page tables. It starts with the first run and goes with the server.
 */
export class Launcher {
  readonly #supervisor: Supervisor;
  readonly #waiting = new Map<number, (said: Said) => void>();
  #process: ChildProcess | undefined;
  #said = "";
  #last = 0;

  constructor(supervisor: Supervisor) {
    this.#supervisor = supervisor;
  }

  /** Starts the supervisor on a plan and waits for its word. It lives on when this process dies. */
  async launch(planPath: string): Promise<Launch> {
    if (this.#supervisor.kind !== "native") return launch(this.#supervisor, planPath);
    const said = await this.#ask(planPath);
    if (typeof said === "object") return said;
    // Whether that supervisor has begun or not, the run's lock lets only one have it.
    return said === undefined ? launch(this.#supervisor, planPath) : interpret(said);
  }

  /** Lets go of the small process, which ends. Runs go on. */
  close(): void {
    this.#process?.stdin?.end();
    this.#process = undefined;
  }

  #ask(planPath: string): Promise<Said | Launch> {
    const number = ++this.#last;
    return new Promise((resolve) => {
      const finish = (outcome: Said | Launch) => {
        clearTimeout(timer);
        this.#waiting.delete(number);
        resolve(outcome);
      };
      const timer = setTimeout(() => finish({ word: "slow" }), launchPatienceMillis);
      this.#waiting.set(number, finish);
      this.#process ??= this.#start();
      this.#process.stdin?.write(`${number} ${planPath}\0`);
    });
  }

  #start(): ChildProcess {
    const [program, ...first] = this.#supervisor.command;
    const child = spawn(program, [...first, "launcher"], {
      detached: true,
      stdio: ["pipe", "pipe", "ignore"],
      env: {},
      cwd: "/",
    });
    // Whoever waits has a timer that keeps the server here; nothing else should.
    child.unref();
    for (const pipe of [child.stdin, child.stdout] as unknown as Socket[]) pipe.unref();
    child.stdin.on("error", () => undefined); // it is gone, as "close" is about to tell
    child.on("error", () => this.#gone(child)); // it could not be started: launching says why
    child.on("close", () => this.#gone(child));
    child.stdout.on("data", (bytes: Buffer) => this.#hear(bytes.toString()));
    return child;
  }

  #hear(text: string): void {
    const lines = (this.#said + text).split("\n");
    this.#said = lines.pop() ?? "";
    for (const line of lines) {
      const space = line.indexOf(" ");
      this.#waiting.get(Number(line.slice(0, space)))?.(line.slice(space + 1));
    }
  }

  /** Those that wait launch by themselves; the next one starts another process. */
  #gone(child: ChildProcess): void {
    if (this.#process !== child) return;
    this.#process = undefined;
    this.#said = "";
    for (const finish of [...this.#waiting.values()]) finish(undefined);
  }
}
