import type { TrainingJob, Verdict } from "./training-job.ts";

/** The one thing to do next for a job and the runs of its hosts. */
export type Step =
  /** Nothing, ever. */
  | { readonly kind: "none" }
  /** The job has ended: free everything its runs had. */
  | { readonly kind: "clean" }
  /** Nothing until a run changes or `ms` have passed. */
  | { readonly kind: "wait"; readonly ms: number }
  /** Allot the machines: writes Downloading and makes the log streams. */
  | { readonly kind: "prepare" }
  /**
   * Lay out every host's /opt/ml and start all runs, or none. With `leftovers`, a server died halfway through this:
   * what it started has waited for the others in vain and begins again with them.
   */
  | { readonly kind: "start"; readonly leftovers: boolean }
  /** Record what was seen. */
  | { readonly kind: "write"; readonly status: string; readonly job: TrainingJob }
  /**
   * Ask the runs to end that have not. With `grace` "full" they have the time that a stop gives; "short" is for those
   * whose job is lost anyway, and "none" kills.
   */
  | { readonly kind: "stop"; readonly grace: "full" | "short" | "none" }
  /**
   * A run ended by itself with an error: find out why, then record the verdict. `others` failed later, and with `goesOn`
   * there are hosts that still run.
   */
  | ({ readonly kind: "fail"; readonly others: readonly Failure[]; readonly goesOn: boolean } & Failure)
  /** A run is gone without a result: save what checkpoints there are and begin again with all hosts. */
  | { readonly kind: "restart"; readonly cause: "fault"; readonly reason: string }
  /** The same, for a spot job whose capacity was taken away. */
  | { readonly kind: "restart"; readonly cause: "interruption" }
  /** Bring artifacts to S3, read the metrics off the logs, and let the record become what the verdict says. */
  | { readonly kind: "upload"; readonly verdict: Verdict };

/** How a host's run failed. */
export interface Failure {
  readonly host: number;
  readonly exitCode: number;
  readonly outOfMemory: boolean;
  /** Milliseconds since 1970. */
  readonly endedAt: number;
}
