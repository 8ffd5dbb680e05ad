import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";

/**
 * `npm run test:npm`: the set-up of a fresh clone under each npm that people have, first with `ignore-scripts`, which
 * must end with a clear error, then as it should be, which must mend it. Downloads npm and all packages for each, so it
 * is not part of `npm test`.
 */
const root = join(import.meta.dirname, "..", "..");
const releases = process.argv.length > 2 ? process.argv.slice(2) : ["10", "11", "12"];
const folder = mkdtempSync(join(tmpdir(), "sagebrush-npm-"));
/** What `npm run` adds to the environment would lead another npm back to this clone. */
const machine: NodeJS.ProcessEnv = Object.fromEntries(
  Object.entries(process.env)
    .filter(([name]) => !/^(?:npm_|NODE$|INIT_CWD$)/i.test(name))
    .map(([name, value]) => [
      name,
      name === "PATH"
        ? value
            ?.split(delimiter)
            .filter((each) => !each.includes("node_modules"))
            .join(delimiter)
        : value,
    ]),
);

let failures = 0;

try {
  for (const release of releases) tryRelease(release);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.stdout.write(failures === 0 ? "all passed\n" : `${failures} failed\n`);
process.exitCode = failures === 0 ? 0 : 1;

function tryRelease(release: string): void {
  const npm = install(release);
  const clone = copyOfTracked(join(folder, `clone-${release}`));
  const version = npm(clone, {}, "--version").output.trim();
  const name = `npm ${version}`;

  const refused = npm(clone, { npm_config_ignore_scripts: "true" }, "run", "setup");
  claim(`${name} with ignore-scripts ends with an error`, refused.code === 1, refused.output);
  claim(
    `${name} with ignore-scripts: the error says what is missing, why, and what to do`,
    /The pinned Node \(\^24\S+\) is not in node_modules\/\.bin/.test(refused.output) &&
      refused.output.includes("ignore-scripts=true") &&
      refused.output.includes("npm ci"),
    refused.output,
  );

  const ready = npm(clone, {}, "run", "setup");
  claim(`${name}: set-up ends well`, ready.code === 0, ready.output);
  claim(`${name}: and on the pinned Node`, /Ready, on Node v24\./.test(ready.output), ready.output);
  const pinned = spawnSync(join(clone, "node_modules", ".bin", "node"), ["--version"], { encoding: "utf8" });
  claim(`${name}: which is in node_modules/.bin`, pinned.stdout?.startsWith("v24.") ?? false, pinned.stdout);
  const help = spawnSync(join(clone, "node_modules", ".bin", "node"), [join(clone, "bin", "sagebrush"), "help"]);
  claim(`${name}: and \`sagebrush help\` runs`, help.status === 0, String(help.stderr));
  rmSync(clone, { recursive: true, force: true });
}

type Npm = (cwd: string, changes: NodeJS.ProcessEnv, ...args: string[]) => { code: number | null; output: string };

/** Installs one npm into a folder of its own. */
function install(release: string): Npm {
  const prefix = join(folder, `npm-${release}`);
  mkdirSync(prefix);
  execFileSync("npm", ["install", "--silent", "--prefix", prefix, `npm@${release}`], {
    env: machine,
    stdio: "inherit",
  });
  const program = join(prefix, "node_modules", "npm", "bin", "npm-cli.js");
  return (cwd, changes, ...args) => {
    const result = spawnSync(nodeFor(release), [program, ...args], {
      cwd,
      encoding: "utf8",
      env: { ...machine, PATH: [dirname(nodeFor(release)), machine["PATH"]].join(delimiter), ...changes },
      timeout: 600_000,
    });
    return { code: result.status, output: `${result.stdout}${result.stderr}` };
  };
}

/** The machine's own Node, as in a fresh clone; npm 12 refuses Node 20, so it gets the one that runs this. */
function nodeFor(release: string): string {
  const own = execFileSync("node", ["-p", "process.execPath"], { env: machine, encoding: "utf8" }).trim();
  const major = Number(execFileSync(own, ["-p", "process.versions.node.split('.')[0]"], { encoding: "utf8" }));
  return Number(release) >= 12 && major < 22 ? process.execPath : own;
}

function copyOfTracked(target: string): string {
  const listed = execFileSync("git", ["ls-files", "-z"], { cwd: root, encoding: "utf8", maxBuffer: 2 ** 26 });
  for (const file of listed.split("\0").filter((each) => each !== "" && existsSync(join(root, each)))) {
    cpSync(join(root, file), join(target, file));
  }
  return target;
}

function claim(what: string, holds: boolean, detail: string): void {
  process.stdout.write(`${holds ? "PASS" : "FAIL"} ${what}\n`);
  if (holds) return;
  failures++;
  process.stdout.write(`${detail.slice(-3000)}\n`);
}
