// A Python virtual environment per official client, made from test/conformance/<client>/requirements.txt the first
// time its tests run, and again when that file changes.
import { spawnSync } from "node:child_process";
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";

/** Why no environment can be made on this machine, or undefined. */
export function pythonMissing() {
  if (spawnSync("python3", ["--version"]).status !== 0) return "python3 is not on PATH";
  if (spawnSync("python3", ["-c", "import venv, ensurepip"]).status !== 0) {
    return "Python's venv and pip are missing (Debian: apt-get install python3-venv)";
  }
  return undefined;
}

/** The set-up stage of one client. */
export function pythonEnvironment(client) {
  const requirements = `test/conformance/${client}/requirements.txt`;
  const directory = `.build/python/${client}`;
  return {
    name: `python-${client}`,
    inputs: [requirements],
    outputs: [`${directory}/bin/python`],
    async run(root) {
      rmSync(join(root, directory), { recursive: true, force: true });
      if (spawnSync("uv", ["--version"]).status === 0) {
        must(root, "uv", ["venv", "--quiet", directory]);
        must(root, "uv", ["pip", "install", "--quiet", "--python", `${directory}/bin/python`, "-r", requirements]);
        return;
      }
      must(root, "python3", ["-m", "venv", directory]);
      // Byte code is made on first import, and only for what is imported.
      must(root, `${directory}/bin/pip`, [
        "install",
        "--quiet",
        "--no-compile",
        "--disable-pip-version-check",
        "-r",
        requirements,
      ]);
    },
  };
}

/** Path of a client's Python. */
export function pythonOf(root, client) {
  return join(root, ".build", "python", client, "bin", "python");
}

function must(root, command, args) {
  const result = spawnSync(command, args, { cwd: root, stdio: ["ignore", 2, 2] });
  if (result.status === 0) return;
  throw new Error(
    `\`${[command, ...args].join(" ")}\` failed (exit code ${result.status ?? existsSync(command)}); its output is above.`,
  );
}
