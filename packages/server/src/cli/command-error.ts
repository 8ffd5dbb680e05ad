/** What a person can mend: printed as one line without a stack, exit code 1. */
export class CommandError extends Error {
  override readonly name = "CommandError";
}
