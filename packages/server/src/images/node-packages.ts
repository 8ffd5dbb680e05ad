import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import type { Log } from "../log.ts";

/** How far a package is. */
export type NodePackageState =
  | { readonly state: "ready"; readonly folder: string }
  | { readonly state: "preparing"; readonly message: string }
  | { readonly state: "failed"; readonly reason: string };

/** Whoever waited hears of a failure for this long; after it, the next one tries anew. */
const failureMs = 5_000;
/** An installation that takes longer is given up. */
const limitMs = 15 * 60_000;
const keptCharacters = 2_000;

interface Wanted {
  readonly name: string;
  readonly version: string;
  /** Called with the folder of what was installed, before others see it: drops what this host has no use for. */
  readonly prune?: (packages: string) => Promise<void>;
}

/**
 * Packages of npm that are too large to come with this server: installed on first use, by npm, without running any script of
 * theirs. Each attempt has a folder of its own and gets its name when it is whole, so servers that share the folder do not
 * disturb each other.
 */
export class NodePackages {
  readonly #directory: string;
  readonly #log: Log;
  readonly #running = new Map<string, Promise<void>>();
  readonly #failures = new Map<string, { readonly reason: string; readonly at: number }>();
  readonly #closing = new AbortController();

  constructor({ directory, log }: { readonly directory: string; readonly log: Log }) {
    this.#directory = directory;
    this.#log = log;
  }

  /** Says how far a package is, and begins to install it when it is not there. Returns at once. */
  prepare(wanted: Wanted): NodePackageState {
    const key = `${wanted.name}-${wanted.version}`;
    const folder = join(this.#directory, key, "node_modules");
    if (existsSync(folder)) return { state: "ready", folder };
    const failure = this.#failures.get(key);
    if (failure !== undefined && Date.now() - failure.at < failureMs)
      return { state: "failed", reason: failure.reason };
    if (!this.#running.has(key)) {
      const running = this.#install(key, wanted).finally(() => this.#running.delete(key));
      this.#running.set(key, running);
    }
    return { state: "preparing", message: `installing ${wanted.name} ${wanted.version}` };
  }

  /** Breaks off what is under way. */
  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all(this.#running.values());
  }

  async #install(key: string, { name, version, prune }: Wanted): Promise<void> {
    const partial = join(this.#directory, `${key}.${randomBytes(6).toString("hex")}.partial`);
    try {
      await this.#dropPartials(key);
      await mkdir(partial, { recursive: true });
      await writeFile(
        join(partial, "package.json"),
        JSON.stringify({ private: true, dependencies: { [name]: version } }),
      );
      await npm(partial, this.#closing.signal);
      await prune?.(join(partial, "node_modules"));
      await rename(partial, join(this.#directory, key)).catch((error: NodeJS.ErrnoException) => {
        // Another server was quicker.
        if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error;
      });
      this.#failures.delete(key);
      this.#log.info("package installed", { package: name, version });
    } catch (error) {
      const reason = `${name} ${version} could not be installed: ${(error as Error).message}`;
      this.#failures.set(key, { reason, at: Date.now() });
      this.#log.warn("package not installed", { package: name, version, error });
    } finally {
      await rm(partial, { recursive: true, force: true });
    }
  }

  /** What a server that was killed has left an hour ago or earlier: younger ones may be another server's. */
  async #dropPartials(key: string): Promise<void> {
    const names = await readdir(this.#directory).catch(() => []); // none made yet
    for (const name of names) {
      if (!name.startsWith(`${key}.`) || !name.endsWith(".partial")) continue;
      const path = join(this.#directory, name);
      const about = await stat(path).catch(() => undefined); // gone meanwhile
      if (about !== undefined && Date.now() - about.mtimeMs > 3600_000)
        await rm(path, { recursive: true, force: true });
    }
  }
}

function npm(folder: string, signal: AbortSignal): Promise<void> {
  const words = ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--omit=dev", "--loglevel=error"];
  return new Promise((resolve, reject) => {
    const end = AbortSignal.any([signal, AbortSignal.timeout(limitMs)]);
    // The pinned Node first: npm is a script.
    const path = [join(process.execPath, ".."), process.env["PATH"] ?? "", "/usr/local/bin", "/usr/bin"].join(
      delimiter,
    );
    const child = spawn("npm", words, {
      ...{ cwd: folder, signal: end, stdio: ["ignore", "ignore", "pipe"] },
      env: { ...process.env, PATH: path },
    });
    let said = "";
    child.stderr.on("data", (text: Buffer) => (said = `${said}${text}`.slice(-keptCharacters)));
    child.once("error", (error: NodeJS.ErrnoException) =>
      reject(error.code === "ENOENT" ? new Error("npm is not on the PATH of the server", { cause: error }) : error),
    );
    child.once("close", (code) => {
      if (code === 0) resolve();
      else reject(new Error(said.trim() === "" ? `npm ended with code ${code}` : said.trim()));
    });
  });
}
