import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import {
  chmod,
  chown,
  copyFile,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  realpath,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { removeTree } from "../../remove-tree.ts";
import type { Channel, ChannelFile, Engine, ImageRoot, RootFs, RunId, RunSpec, RunState } from "../engine.ts";
import { findLibraries } from "../sandbox/minimal-root.ts";

/** What a workshop's runs are made of; Node comes in by a bind in any case. */
export type RootKind = "files" | "host-tools" | "layers" | ImageRoot;

/** The place where a test's runs live: an engine's directory, a store of immutable files, logs. */
export class Workshop {
  readonly root: string;
  readonly #owner: number | undefined;
  /** Host path of the Node that runs use. */
  readonly #node: string;
  readonly #kind: RootKind;
  #files = 0;

  private constructor(root: string, owner: number | undefined, node: string, kind: RootKind) {
    this.root = root;
    this.#kind = kind;
    this.#owner = owner;
    this.#node = node;
  }

  /** Makes one; everything in it belongs to `owner`, if given. Its runs get a root of this kind. */
  static async open(owner?: number, node = process.execPath, kind: RootKind = "files"): Promise<Workshop> {
    const shop = new Workshop(await mkdtemp(join(tmpdir(), "sagebrush-engine-")), owner, node, kind);
    await shop.#own(shop.root);
    for (const folder of ["engine", "objects", "logs", "runs"]) await shop.#folder(folder);
    return shop;
  }

  get engineDirectory(): string {
    return join(this.root, "engine");
  }

  logFile(id: RunId): string {
    return join(this.root, "logs", id);
  }

  mlDirectory(id: RunId): string {
    return join(this.root, "runs", id);
  }

  /** A run of Node with `code`, which sees `ml` as the place of /opt/ml whatever the engine. */
  async script(id: RunId, code: string, changes: Partial<RunSpec> = {}): Promise<RunSpec> {
    const prelude = `const fs=require("node:fs");const ml=process.env.SAGEBRUSH_ML_ROOT??"/opt/ml";`;
    return this.run(id, ["/opt/sagebrush/bin/node", "-e", prelude + code], changes);
  }

  async run(id: RunId, command: readonly string[], changes: Partial<RunSpec> = {}): Promise<RunSpec> {
    await this.#folder(join("runs", id));
    return {
      root: await this.#root(),
      command,
      environment: {},
      hostname: "algo-1",
      mlDirectory: this.mlDirectory(id),
      channels: [],
      network: { kind: "none" },
      resources: {},
      serves: false,
      logFile: this.logFile(id),
      maxLogBytes: 1_000_000,
      ...changes,
    };
  }

  /** Node comes in by a bind, whatever the root. */
  async #root(): Promise<RootFs> {
    const binds = [{ source: this.#node, target: "/opt/sagebrush/bin/node" }];
    if (this.#kind === "layers") {
      return { kind: "layers", binds, layers: await this.#nodeLayers(), folders: [], mlFolders: [] };
    }
    return typeof this.#kind === "object" ? { ...this.#kind, binds } : { kind: this.#kind, binds };
  }

  /** An unpacked image of two layers that has what Node loads, and nothing else. */
  async #nodeLayers(): Promise<string[]> {
    const [low, high] = [join(this.root, "layers", "low"), join(this.root, "layers", "high")];
    if (existsSync(high)) return [low, high];
    await mkdir(join(low, "usr"), { recursive: true });
    const { files } = await findLibraries(this.root, process.execPath);
    for (const { source, target } of files) {
      await mkdir(join(low, dirname(target)), { recursive: true });
      await copyFile(source, join(low, target));
      await chmod(join(low, target), 0o755);
    }
    for (const name of ["lib", "lib64", "bin"]) await symlink(`usr/${name}`, join(low, name));
    await mkdir(join(low, "etc"));
    await writeFile(join(low, "etc", "passwd"), "root:x:0:0:root:/root:/bin/sh\n");
    await mkdir(high);
    await this.#own(join(this.root, "layers"));
    return [low, high];
  }

  /** A channel over new immutable files: text by path. */
  async channel(target: string, texts: Readonly<Record<string, string>>, readOnly = false): Promise<Channel> {
    const files: ChannelFile[] = [];
    for (const [path, text] of Object.entries(texts)) {
      const folder = join("objects", String(this.#files % 7));
      await this.#folder(folder);
      const source = join(this.root, folder, `object-${this.#files++}`);
      await writeFile(source, text);
      await chmod(source, 0o444);
      await this.#own(source);
      files.push({ path, source, sizeBytes: Buffer.byteLength(text) });
    }
    return { target, files, readOnly };
  }

  /** A new host directory with these files, for runs of any user to share: text by path. */
  async sharedFolder(texts: Readonly<Record<string, string>>): Promise<string> {
    const folder = join("shared", String(this.#files++), "root");
    await this.#folder(folder);
    for (const [path, text] of Object.entries(texts)) {
      await this.#folder(join(folder, dirname(path)));
      await chmod(join(this.root, folder, dirname(path)), 0o777);
      await writeFile(join(this.root, folder, path), text);
      await chmod(join(this.root, folder, path), 0o666);
      await this.#own(join(this.root, folder, path));
    }
    return realpath(join(this.root, folder));
  }

  /** A hash over names, bytes, modes and owners of everything in the store. */
  async storeHash(): Promise<string> {
    const hash = createHash("sha256");
    const names = await readdir(join(this.root, "objects"), { recursive: true });
    for (const name of names.sort()) {
      const path = join(this.root, "objects", name);
      const about = await stat(path);
      hash.update(`${name} ${about.mode} ${about.uid} ${about.size} ${about.mtimeMs}\n`);
      if (about.isFile()) hash.update(await readFile(path));
    }
    return hash.digest("hex");
  }

  /** The lines of a run's log without their times. */
  async logLines(id: RunId): Promise<string[]> {
    const text = await readFile(this.logFile(id), "utf8");
    return text
      .split("\n")
      .slice(0, -1)
      .map((line) => line.replace(/^\d+ /, ""));
  }

  /** Puts an empty file into a run's /opt/ml. */
  async place(id: RunId, name: string): Promise<void> {
    await this.write(join(this.mlDirectory(id), name), "");
  }

  /** Writes a file and the folders above it. */
  async write(path: string, text: string): Promise<void> {
    await mkdir(dirname(path), { recursive: true });
    await this.#own(dirname(path));
    await writeFile(path, text);
    await this.#own(path);
  }

  remove(path: string): Promise<void> {
    return removeTree(path);
  }

  close(): Promise<void> {
    return removeTree(this.root);
  }

  async #folder(name: string): Promise<void> {
    await mkdir(join(this.root, name), { recursive: true });
    await this.#own(join(this.root, name));
  }

  async #own(path: string): Promise<void> {
    if (this.#owner !== undefined) await chown(path, this.#owner, this.#owner);
  }
}

/** Waits until the engine shows a state that `wanted` accepts; woken by the engine's hints, with rare looks besides. */
export async function until<S extends RunState>(
  engine: Engine,
  id: RunId,
  wanted: (state: RunState) => state is S,
  limitMillis = 20_000,
): Promise<S> {
  let wake = () => {};
  const stopWatching = engine.watch((changed) => changed === id && wake());
  const late = Date.now() + limitMillis;
  try {
    for (;;) {
      const hint = new Promise<void>((resolve) => (wake = resolve));
      const state = await engine.observe(id);
      if (wanted(state)) return state;
      if (Date.now() > late) throw new Error(`${id} stayed ${JSON.stringify(state)}`);
      await Promise.race([hint, new Promise((resolve) => setTimeout(resolve, 100))]);
    }
  } finally {
    stopWatching();
  }
}

type Phase<P extends RunState["phase"]> = Extract<RunState, { phase: P }>;

/** For {@link until}: the run is in this phase. */
export function inPhase<P extends RunState["phase"]>(phase: P) {
  return (state: RunState): state is Phase<P> => state.phase === phase;
}

/** Waits until a line of the run's log contains `text`. */
export async function untilLogged(shop: Workshop, id: RunId, text: string, limitMillis = 20_000): Promise<void> {
  const late = Date.now() + limitMillis;
  for (;;) {
    const log = await readFile(shop.logFile(id), "utf8").catch(() => ""); // not begun yet
    if (log.includes(text)) return;
    if (Date.now() > late) throw new Error(`${id} never logged ${JSON.stringify(text)}: ${log.slice(-1000)}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
