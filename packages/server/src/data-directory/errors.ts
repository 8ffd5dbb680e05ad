import { OperatorError } from "../errors.ts";

/** The data directory cannot be used as it is; the message says why and what to do. */
export class DataDirectoryError extends OperatorError {
  override readonly name: string = "DataDirectoryError";
}

/** Another server works on the data directory. */
export class DataDirectoryInUse extends DataDirectoryError {
  override readonly name = "DataDirectoryInUse";
  /** Process id of the other server, where it could be read. */
  readonly pid: number | undefined;

  constructor(root: string, pid: number | undefined) {
    const who = pid === undefined ? "another process" : `process ${pid}`;
    super(`${root} is in use by ${who}. Stop that server (\`sagebrush down\`) or use another --data-dir.`);
    this.pid = pid;
  }
}
