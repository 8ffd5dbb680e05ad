import { ServiceError } from "../../errors.ts";
import { InvocationFailed } from "../model/invoke.ts";
import { RecordFault } from "../records/record-fault.ts";
import { SplitError } from "../splits/framing.ts";
import type { FailureKind } from "./journal.ts";

/**
 * Why an object has no output, where that is its own, its owner's or the model's fault.
 * @returns `undefined` for what is the platform's, and worth another try.
 */
export function objectFailure(error: unknown): { readonly kind: FailureKind; readonly error: Error } | undefined {
  if (error instanceof InvocationFailed) {
    return { kind: error.status >= 400 && error.status < 500 ? "client" : "algorithm", error };
  }
  if (error instanceof SplitError || error instanceof RecordFault) return { kind: "client", error };
  // The object, a bucket or a key went away.
  if (error instanceof ServiceError && error.status < 500) return { kind: "client", error };
  const code = (error as NodeJS.ErrnoException).code ?? "";
  if (code === "Z_BUF_ERROR")
    return { kind: "client", error: new SplitError("its gzip data is cut short", { cause: error }) };
  if (code.startsWith("Z_")) {
    return { kind: "client", error: new SplitError("it is not gzip-compressed, or damaged", { cause: error }) };
  }
  return undefined;
}
