import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { root } from "./setup.mjs";

/** `npm run bench [-- NAME [options]]`: runs one benchmark, or lists them. */
const folder = join(root, "bench");
const names = readdirSync(folder)
  .filter((file) => file.endsWith(".ts"))
  .map((file) => file.slice(0, -3))
  .sort();
const [name, ...rest] = process.argv.slice(2);
if (name === undefined) {
  process.stdout.write(`npm run bench -- NAME, one of: ${names.join(", ")}\n`);
} else if (names.includes(name)) {
  const result = spawnSync(process.execPath, [join(folder, `${name}.ts`), ...rest], { cwd: root, stdio: "inherit" });
  process.exitCode = result.status ?? 1;
} else {
  process.stderr.write(`There is no benchmark "${name}"; there are ${names.join(", ")}.\n`);
  process.exitCode = 2;
}
