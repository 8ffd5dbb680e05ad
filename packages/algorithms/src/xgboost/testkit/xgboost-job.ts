import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { MlSandbox } from "../../job/testkit/run-program.ts";
import { fileOfWheel } from "../../testkit/wheels.ts";

const main = join(import.meta.dirname, "../../main.ts");

/** XGBoost's library in some version (2.1 or later). */
export function testLibrary(version = "3.0.5"): string {
  const isSmall = process.platform === "linux" && process.arch === "x64";
  const library = process.platform === "darwin" ? "libxgboost.dylib" : "libxgboost.so";
  return fileOfWheel(`${isSmall ? "xgboost-cpu" : "xgboost"}==${version}`, `xgboost/lib/${library}`);
}

interface JobOptions {
  /** Files by path below `input/data`. */
  readonly files: Readonly<Record<string, string | Uint8Array>>;
  readonly hyperparameters: Readonly<Record<string, string>>;
  readonly contentType?: string;
  readonly hosts?: { readonly current: string; readonly all: readonly string[] };
  readonly instanceType?: string;
  readonly checkpoints?: boolean;
  readonly mode?: "File" | "Pipe";
}

/** A run of the training program over XGBoost. */
export class XGBoostJob extends MlSandbox {
  constructor({
    files,
    hyperparameters,
    contentType,
    hosts,
    instanceType,
    checkpoints = false,
    mode = "File",
  }: JobOptions) {
    super();
    this.write("input/config/hyperparameters.json", hyperparameters);
    for (const [path, content] of Object.entries(files)) this.write(`input/data/${path}`, content);
    const names = new Set(Object.keys(files).map((path) => path.split("/")[0] as string));
    for (const name of ["train", ...names]) mkdirSync(join(this.root, "input/data", name), { recursive: true });
    const channel = { TrainingInputMode: mode, ...(contentType !== undefined && { ContentType: contentType }) };
    this.write(
      "input/config/inputdataconfig.json",
      Object.fromEntries([...new Set(["train", ...names])].map((name) => [name, channel])),
    );
    this.write("input/config/resourceconfig.json", {
      current_host: hosts?.current ?? "algo-1",
      hosts: hosts?.all ?? ["algo-1"],
      ...(instanceType !== undefined && { current_instance_type: instanceType }),
    });
    if (checkpoints) this.write("input/config/checkpointconfig.json", { LocalPath: "/opt/ml/checkpoints" });
  }

  train(environment: Record<string, string> = {}) {
    return this.start("train", { SAGEBRUSH_CPUS: "1", ...environment }, "xgboost", main, testLibrary());
  }

  serve(environment: Record<string, string> = {}, library = testLibrary()) {
    return this.start("serve", { SAGEBRUSH_CPUS: "1", ...environment }, "xgboost", main, library);
  }
}

/** Rows `label, features`, the same on every machine, with few different values and some of them missing. */
export function sampleRows(
  count: number,
  seed = 1,
): readonly (readonly [label: number, ...features: (number | undefined)[]])[] {
  let state = seed;
  const next = () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
  return Array.from({ length: count }, () => {
    const x = Array.from({ length: 4 }, () => Math.floor(next() * 30) / 10);
    const label = Number((x[0] as number) + (x[1] as number) * (x[2] as number) + next() > 3.5);
    return [label, ...x.map((value) => (next() < 0.05 ? undefined : value))];
  });
}

/** Rows as CSV. */
export function toCsv(rows: readonly (readonly (number | undefined)[])[], delimiter = ","): string {
  return rows.map((row) => `${row.map((value) => value ?? "").join(delimiter)}\n`).join("");
}
