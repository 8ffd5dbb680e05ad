import type { DenseRows } from "../../../formats/rows.ts";
import { Booster } from "../../library/booster.ts";
import type { XGBoostLibrary } from "../../library/library.ts";
import { Matrix } from "../../library/matrix.ts";
import { RandomModelSource } from "./random-source.ts";

/** A model that the library trained on random data with random settings, and what it answers. */
export interface RandomModel {
  /** The settings, to name a model by that is scored wrongly. */
  readonly settings: Readonly<Record<string, string>>;
  readonly format: string;
  readonly file: Buffer;
  readonly rows: DenseRows;
  readonly value: Float32Array;
  readonly margin: Float32Array;
}

/** Trains a model that follows from its seed alone, and asks it about rows with missing, unseen and extreme values. */
export function randomModel(library: XGBoostLibrary, seed: number): RandomModel {
  const source = new RandomModelSource(seed);
  const { settings, data, labels, categorical, rounds } = source.training();
  using matrix = Matrix.of(library, data, 1);
  label(library, matrix, labels);
  if (categorical.some((is) => is)) setFeatureTypes(library, matrix, categorical);
  using booster = Booster.create(library, [matrix]);
  for (const [name, value] of Object.entries({ nthread: "1", verbosity: "0", ...settings })) booster.set(name, value);
  for (let round = 0; round < rounds; round++) booster.update(round, matrix);
  const format = source.format(
    library.isFrom(3, 1) || categorical.some((is) => is) ? ["json", "ubj"] : allFormats(settings),
  );
  const rows = source.questions();
  using asked = Matrix.of(library, rows, 1);
  return {
    settings,
    format,
    file: booster.toBuffer(format),
    rows,
    value: booster.predict(asked, "value"),
    margin: booster.predict(asked, "margin"),
  };
}

/** Leaves of several numbers are not in the binary format. */
function allFormats(settings: Readonly<Record<string, string>>): readonly string[] {
  return settings["multi_strategy"] === undefined ? ["json", "ubj", "deprecated"] : ["json", "ubj"];
}

function label(
  library: XGBoostLibrary,
  matrix: Matrix,
  labels: ReturnType<RandomModelSource["training"]>["labels"],
): void {
  const { values, width, groups, bounds } = labels;
  const set = "int XGDMatrixSetInfoFromInterface(void* h, const char* field, const char* values)";
  library.call(set, matrix.handle, "label", library.matrixInterface(values, values.length / width, width));
  if (groups) matrix.describe({ groups });
  if (bounds) matrix.setBounds(bounds.lower, bounds.upper);
}

function setFeatureTypes(library: XGBoostLibrary, matrix: Matrix, categorical: readonly boolean[]): void {
  const set = "int XGDMatrixSetStrFeatureInfo(void* h, const char* field, const char** types, uint64_t count)";
  const types = categorical.map((is) => (is ? "c" : "q"));
  library.call(set, matrix.handle, "feature_type", types, types.length);
}
