import { closeSync, fsyncSync, openSync, renameSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { Booster } from "./library/booster.ts";
import type { XGBoostLibrary } from "./library/library.ts";

/** Name of the model in model.tar.gz. */
export const modelFile = "xgboost-model";

/**
 * Writes a model in the format that the version saves by itself (binary before 2.1, UBJSON from it on). A file of the name
 * is whole at any time.
 */
export function saveModel(library: XGBoostLibrary, booster: Booster, path: string): void {
  // The library takes the format from the ending; before 2.1 it has no name for its own, and from it on no ending is
  // warned about.
  const fresh = join(dirname(path), `.${basename(path)}.new${library.isFrom(2, 1) ? ".ubj" : ""}`);
  booster.save(fresh);
  const descriptor = openSync(fresh, "r");
  fsyncSync(descriptor);
  closeSync(descriptor);
  renameSync(fresh, path);
}
