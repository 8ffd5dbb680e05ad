/** How a variant without instances of its own is served: ServerlessConfig as a fleet has it. */
export interface ServerlessSettings {
  readonly memoryMb: number;
  /** Most requests under way at once, those that wait for an environment included. */
  readonly maxConcurrency: number;
  /** Environments that are kept, whether or not there are requests; 0 for none. */
  readonly provisioned: number;
  /** It was stopped by hand: no request brings it up. */
  readonly isStopped?: true;
}

/** A request's body may have 4 MB. */
export const maxServerlessBytes = 4 * 1024 * 1024;

/** What an environment is sized by, in place of an instance type. See `instanceType`. */
export function environmentType({ memoryMb }: Pick<ServerlessSettings, "memoryMb">): string {
  return `serverless.${memoryMb}`;
}

/**
 * Most environments of a variant that this host runs at once: further requests wait for one to become free. What was asked
 * to be provisioned is not cut.
 */
export function mostEnvironments(
  { memoryMb, maxConcurrency, provisioned }: ServerlessSettings,
  host: { readonly cpus: number; readonly memoryBytes: number },
): number {
  const fitting = Math.min(maxConcurrency, 2 * host.cpus, Math.floor(host.memoryBytes / (memoryMb * 1024 ** 2)));
  return Math.max(1, provisioned, fitting);
}
