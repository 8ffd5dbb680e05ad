/** What an account may have at once in a region: by instance type, or of a kind of jobs altogether. */
export interface Quota {
  /** `ml.p3.2xlarge`, or one of {@link jobQuotas}. */
  readonly name: string;
  readonly limit: number;
}

/** A kind of jobs whose use is counted by itself, as the service does. */
export type JobUse = "training" | "transform";

/** Names of the quotas on jobs in progress, of whatever instance type. */
export const jobQuotas: Readonly<Record<JobUse, string>> = {
  training: "training-jobs",
  transform: "transform-jobs",
};

/** What is in use or asked for: instances by type, and jobs. */
export interface Usage {
  readonly jobs: number;
  readonly instances: ReadonlyMap<string, number>;
}

/**
 * The first quota that a request would pass.
 * @returns A sentence in the service's words, or `undefined` when the request fits.
 */
export function quotaPassed(quotas: readonly Quota[], use: JobUse, used: Usage, wanted: Usage): string | undefined {
  for (const { name, limit } of quotas) {
    const ofJobs = name === jobQuotas[use];
    const inUse = ofJobs ? used.jobs : (used.instances.get(name) ?? 0);
    const delta = ofJobs ? wanted.jobs : (wanted.instances.get(name) ?? 0);
    if (delta === 0 || inUse + delta <= limit) continue;
    const unit = ofJobs ? "Jobs" : "Instances";
    const title = ofJobs
      ? `${use === "training" ? "Training" : "Transform"} jobs in progress`
      : `${name} for ${use} job usage`;
    return (
      `The account-level service limit '${title}' is ${limit} ${unit}, with current utilization of ${inUse} ${unit} and ` +
      `a request delta of ${delta} ${unit}. Whoever runs this server can raise it (setting quota).`
    );
  }
  return undefined;
}
