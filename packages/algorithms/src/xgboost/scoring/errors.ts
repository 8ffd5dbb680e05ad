/** A file that is no model, or a model that contradicts itself. The text says where and why. */
export class ModelFileError extends Error {
  override readonly name = "ModelFileError";
}

/** A sound model that is not scored here; XGBoost's library may know it. The text says what is not known. */
export class UnscoredModelError extends Error {
  override readonly name = "UnscoredModelError";
}

/** Says of a file that it is no model. */
export function notAModel(): ModelFileError {
  return new ModelFileError("it is neither JSON nor UBJSON nor the binary format of XGBoost before 3.1");
}
