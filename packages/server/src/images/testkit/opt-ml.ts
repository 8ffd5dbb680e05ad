import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The toolkit's entry: `main.py train` and `main.py serve`. */
export const program = fileURLToPath(new URL("../../../../../python/container/main.py", import.meta.url));

/** What a test's run finds in its folder. */
export interface Job {
  readonly hyperparameters?: Readonly<Record<string, string>>;
  readonly files?: Readonly<Record<string, string>>;
  readonly environment?: Readonly<Record<string, string>>;
  readonly resources?: object;
}

let made: string[] = [];

/** Removes every folder that `layOut` made. */
export function removeLayouts(): void {
  for (const folder of made) rmSync(folder, { recursive: true, force: true });
  made = [];
}

/** A folder in place of /opt/ml, with the user's files where the SDK says they are. */
export function layOut({ hyperparameters = {}, files = {}, resources }: Job): string {
  const ml = mkdtempSync(join(tmpdir(), "sagebrush-toolkit-"));
  made.push(ml);
  const hosts = ["algo-1"];
  const write = (path: string, content: string | Buffer) => {
    mkdirSync(dirname(join(ml, path)), { recursive: true });
    writeFileSync(join(ml, path), content);
  };
  write("input/config/hyperparameters.json", JSON.stringify(hyperparameters));
  write("input/config/inputdataconfig.json", JSON.stringify({ train: { TrainingInputMode: "File" }, "my-test": {} }));
  const one = { current_host: "algo-1", current_instance_type: "ml.m5.large", hosts, network_interface_name: "eth0" };
  write("input/config/resourceconfig.json", JSON.stringify(resources ?? one));
  for (const [path, content] of Object.entries(files)) write(path, content);
  return ml;
}

/** What the platform sets for a run in such a folder. */
export function variables(ml: string, more: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  return { PATH: process.env["PATH"], SAGEBRUSH_ML_ROOT: ml, SAGEBRUSH_CPUS: "3", LANG: "C.UTF-8", ...more };
}
