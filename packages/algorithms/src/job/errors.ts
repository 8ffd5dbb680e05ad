/**
 * The job's input is at fault: a hyperparameter, a channel, a file. The text goes to `/opt/ml/output/failure` as it
 * stands, so it says what was expected, what came and where.
 */
export class CustomerError extends Error {
  override readonly name = "CustomerError";
}

/** A request that the model server refuses, with the HTTP status that says why. */
export class RequestError extends Error {
  override readonly name = "RequestError";
  readonly status: 400 | 404 | 405 | 406 | 413 | 415;
  constructor(status: RequestError["status"], message: string, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
  }
}
