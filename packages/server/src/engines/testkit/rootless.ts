import { type ChildProcess, fork, spawnSync } from "node:child_process";
import { chmodSync, cpSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Capabilities, Engine, RunId, RunSpec, RunState } from "../engine.ts";
import type { Call, FarOptions, Message } from "./rootless-host.ts";

/** A user that owns nothing on the host. */
export const rootlessUid = 54_321;

/** Opens an engine in a process without privileges, so that root can test what others get. */
export async function openRootless(options: FarOptions): Promise<Engine> {
  const { program, node } = readableCopy();
  const child = fork(program, {
    execPath: node,
    execArgv: ["--disable-warning=ExperimentalWarning"],
    uid: rootlessUid,
    gid: rootlessUid,
    cwd: "/",
    env: { PATH: "/usr/local/bin:/usr/bin:/bin", HOME: "/nonexistent" },
  });
  const far = new FarEngine(child);
  await far.open(options);
  return far;
}

class FarEngine implements Engine {
  name = "";
  capabilities: Capabilities = { isolation: false, memoryLimit: false, cpuLimit: false, notices: [] };
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  readonly #listeners = new Set<(id: RunId) => void>();
  #count = 0;

  constructor(child: ChildProcess) {
    this.#child = child;
    child.on("message", (message: Message) => this.#take(message));
    child.on("exit", () => {
      for (const waiting of this.#waiting.values()) waiting.reject(new Error("the rootless engine's process ended"));
    });
  }

  async open(options: FarOptions): Promise<void> {
    const about = (await this.#call("open", options)) as { name: string; capabilities: Capabilities };
    this.name = about.name;
    this.capabilities = about.capabilities;
  }

  start(id: RunId, spec: RunSpec): Promise<void> {
    return this.#call("start", id, spec) as Promise<void>;
  }

  observe(id: RunId): Promise<RunState> {
    return this.#call("observe", id) as Promise<RunState>;
  }

  list(): Promise<RunId[]> {
    return this.#call("list") as Promise<RunId[]>;
  }

  stop(id: RunId, graceMs: number): Promise<void> {
    return this.#call("stop", id, graceMs) as Promise<void>;
  }

  remove(id: RunId): Promise<void> {
    return this.#call("remove", id) as Promise<void>;
  }

  watch(listener: (id: RunId) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    await this.#call("close");
    this.#child.disconnect();
  }

  #call(method: Call["method"], ...values: unknown[]): Promise<unknown> {
    const number = this.#count++;
    this.#child.send({ number, method, values } satisfies Call);
    return new Promise((resolve, reject) => this.#waiting.set(number, { resolve, reject }));
  }

  #take(message: Message): void {
    if ("changed" in message) {
      for (const listener of this.#listeners) listener(message.changed);
      return;
    }
    const waiting = this.#waiting.get(message.number);
    this.#waiting.delete(message.number);
    if ("error" in message) waiting?.reject(new Error(message.error));
    else waiting?.resolve(message.value);
  }
}

/** Files of this clone where another user can read them. */
interface Readable {
  readonly program: string;
  readonly node: string;
  /** `native/escape-probe`, as set-up built it. */
  readonly probe: string;
}

let copy: Readable | undefined;

/** The engine's sources and Node where another user can read them: a clone below /root is out of its reach. */
export function readableCopy(): Readable {
  if (copy !== undefined) return copy;
  const here = {
    program: fileURLToPath(new URL("./rootless-host.ts", import.meta.url)),
    node: process.execPath,
    probe: fileURLToPath(new URL("../../../.build/native/escape-probe", import.meta.url)),
  };
  const readable = Object.values(here).every((path) => {
    return spawnSync("/usr/bin/test", ["-r", path], { uid: rootlessUid, gid: rootlessUid, cwd: "/" }).status === 0;
  });
  copy = readable ? here : makeCopy(here.node);
  return copy;
}

function makeCopy(node: string): Readable {
  const server = fileURLToPath(new URL("../../../", import.meta.url));
  const folder = mkdtempSync(join(tmpdir(), "sagebrush-readable-"));
  chmodSync(folder, 0o755);
  for (const part of ["package.json", "src/engines", "src/log.ts", ".build/native"]) {
    cpSync(join(server, part), join(folder, "server", part), { recursive: true });
  }
  cpSync(node, join(folder, "node"));
  process.on("exit", () => spawnSync("rm", ["-rf", folder]));
  return {
    program: join(folder, "server/src/engines/testkit/rootless-host.ts"),
    node: join(folder, "node"),
    probe: join(folder, "server/.build/native/escape-probe"),
  };
}
