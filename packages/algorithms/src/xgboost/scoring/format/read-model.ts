import { readBinary } from "./binary.ts";
import { Fields } from "./document.ts";
import { readJson } from "./json.ts";
import type { ModelFile } from "./model-file.ts";
import { modelOf } from "./model-of.ts";
import { readUbjson } from "./ubjson.ts";

/**
 * Reads a model that XGBoost's `save_model` wrote: JSON (1.0 and later), UBJSON (1.6 and later) or the binary format that
 * 3.1 gave up. The file's content decides, not its name.
 * @throws ModelFileError for a file that is none, is not whole, or contradicts itself.
 * @throws UnscoredModelError for a model with parts that are not known here.
 */
export function readModel(bytes: Buffer): ModelFile {
  const head = bytes.toString("latin1", 0, 64).trimStart();
  if (/^\{\s*["}]/.test(head)) return modelOf(new Fields(readJson(bytes), ""));
  // The marker of the first name's length, or of the number of members.
  if (/^\{[iUIlL#}]/.test(head)) return modelOf(new Fields(readUbjson(bytes), ""));
  return readBinary(bytes);
}
