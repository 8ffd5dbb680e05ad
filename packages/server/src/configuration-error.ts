/** A setting that cannot be used: says which one, what came and what would do. */
export class ConfigurationError extends Error {
  override readonly name = "ConfigurationError";
}
