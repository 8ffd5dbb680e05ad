/** What an account may have at once in a region: by instance type, or of training jobs altogether. */
export interface Quota {
  /** `ml.p3.2xlarge`, or {@link trainingJobsQuota}. */
  readonly name: string;
  readonly limit: number;
}

/** Name of the quota on training jobs in progress, of whatever type. */
export const trainingJobsQuota = "training-jobs";

/** What is in use or asked for: instances by type, and jobs. */
export interface Usage {
  readonly jobs: number;
  readonly instances: ReadonlyMap<string, number>;
}

/**
 * The first quota that a request would pass.
 * @returns A sentence in the service's words, or `undefined` when the request fits.
 */
export function quotaPassed(quotas: readonly Quota[], used: Usage, wanted: Usage): string | undefined {
  for (const { name, limit } of quotas) {
    const ofJobs = name === trainingJobsQuota;
    const inUse = ofJobs ? used.jobs : (used.instances.get(name) ?? 0);
    const delta = ofJobs ? wanted.jobs : (wanted.instances.get(name) ?? 0);
    if (delta === 0 || inUse + delta <= limit) continue;
    const unit = ofJobs ? "Jobs" : "Instances";
    const title = ofJobs ? "Training jobs in progress" : `${name} for training job usage`;
    return (
      `The account-level service limit '${title}' is ${limit} ${unit}, with current utilization of ${inUse} ${unit} and ` +
      `a request delta of ${delta} ${unit}. Whoever runs this server can raise it (setting quota).`
    );
  }
  return undefined;
}
