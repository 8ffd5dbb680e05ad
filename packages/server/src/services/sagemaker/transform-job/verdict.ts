import type { TransformOutcome } from "../../../batch/run/transform-run.ts";
import type { RunState } from "../../../engines/engine.ts";
import { clippedReason } from "../training-job/failure-reason.ts";

/** How a job ends. */
export interface Verdict {
  readonly status: "Completed" | "Failed" | "Stopped";
  readonly failureReason?: string;
}

/** The end of a job whose reason is known. */
export function failed(reason: string): Verdict {
  return { status: "Failed", failureReason: clippedReason(reason) };
}

/** The end of a job whose objects are all done: one without an output fails it. The first words are the service's own. */
export function verdictOf({ results, objects }: TransformOutcome & { kind: "done" }): Verdict {
  const failures = [...results].filter(({ failure }) => failure).sort((a, b) => a.index - b.index);
  const [first] = failures;
  if (first?.failure === undefined) return { status: "Completed" };
  const whose = failures.some(({ failure }) => failure?.kind === "algorithm") ? "AlgorithmError" : "ClientError";
  const object = objects[first.index];
  const nouns = objects.length === 1 ? "object" : "objects";
  const what = `${failures.length} of ${objects.length} ${nouns} ${failures.length === 1 ? "has" : "have"} no output`;
  return failed(
    `${whose}: See job logs for more information. ${what}; the first is s3://${object?.bucket}/${object?.key}: ${first.failure.reason}`,
  );
}

/** Why a run ended, for people. */
export function exitReason(run: Extract<RunState, { phase: "exited" | "lost" }>, lastWords: string): string {
  if (run.phase === "lost") return run.reason;
  const why = run.reason === "out-of-memory" ? "it ran out of memory" : `it exited with code ${run.exitCode}`;
  return lastWords === "" ? why : `${why}; its last words: ${lastWords}`;
}

/** The model's server never answered. */
export function noPing(why: string): Verdict {
  return failed(`AlgorithmError: Model container failed to respond to ping (${why})`);
}

/** The model's server died again and again. */
export function keepsDying(count: number, why: string): Verdict {
  if (why.startsWith("it ran out of memory")) {
    return failed(
      `ClientError: Please use an instance type with more memory, or reduce MaxPayloadInMB or MaxConcurrentTransforms. The model container died ${count} times in a row: ${why}`,
    );
  }
  return failed(
    `AlgorithmError: See job logs for more information. The model container died ${count} times in a row: ${why}`,
  );
}
