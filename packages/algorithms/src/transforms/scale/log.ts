import { mapNumbers } from "../numbers.ts";
import { oneOf } from "../options.ts";
import type { TransformKind, TransformSpec } from "../transform.ts";

/** Takes logarithms. Values that have none, 0 of all but `log1p` included, become missing. */
export interface LogSpec extends TransformSpec {
  readonly kind: "log";
  /** `log1p`, the default, is log(1 + x). */
  readonly function?: "log" | "log1p" | "log2" | "log10";
}

interface State {
  readonly function: "log" | "log1p" | "log2" | "log10";
}

const functions = { log: Math.log, log1p: Math.log1p, log2: Math.log2, log10: Math.log10 } as const;

export const log: TransformKind<LogSpec, State> = {
  kind: "log",
  options: { function: oneOf("log", "log1p", "log2", "log10") },
  takes: ["numeric"],
  fit: (_, spec) => ({ state: { function: spec.function ?? "log1p" } }),
  open(state) {
    const compute = functions[state.function];
    return (table) =>
      mapNumbers(table, (values) =>
        values.map((value) => {
          const found = compute(value);
          return found === -Infinity ? Number.NaN : found;
        }),
      );
  },
};
