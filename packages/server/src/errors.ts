/** An error the caller sees on the wire. Only the gateway turns it into bytes. */
export class ServiceError extends Error {
  override readonly name: string = "ServiceError";
  /** The error's name in the service's own vocabulary: `ResourceInUse`, `NoSuchKey`, `ValidationException`. */
  readonly code: string;
  /** HTTP status. */
  readonly status: number;
  /** Further members of the modelled error shape, written beside the message (`OriginalStatusCode` of a `ModelError`). */
  readonly members: Readonly<Record<string, unknown>>;
  /** HTTP headers that belong to the answer (`Allow`, `x-amz-delete-marker`). */
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    code: string,
    message: string,
    options: {
      status: number;
      members?: Record<string, unknown>;
      headers?: Record<string, string>;
      cause?: unknown;
    },
  ) {
    super(message, { cause: options.cause });
    this.code = code;
    this.status = options.status;
    this.members = options.members ?? {};
    this.headers = options.headers ?? {};
  }
}

/** The input breaks a rule of the operation. SageMaker's wording for anything the model cannot state. */
export function validationException(message: string): ServiceError {
  return new ServiceError("ValidationException", message, { status: 400 });
}

/** SageMaker: the name is taken, or the resource is busy. */
export function resourceInUse(message: string): ServiceError {
  return new ServiceError("ResourceInUse", message, { status: 400 });
}

/** What the person who runs the server can mend: the command line prints the message, without a stack. */
export class OperatorError extends Error {
  override readonly name: string = "OperatorError";
}

/** States what the code relies on. A failure is a bug: it is never caught below the loop or the gateway. */
export function invariant(condition: unknown, assumed: string): asserts condition {
  if (!condition) throw new Error(`Invariant broken: ${assumed}`);
}
