import type { Outcome } from "../../../../reconcile/reconcile.ts";
import type { OperationPlace } from "../../../service.ts";
import type { AutoMLJobRecord } from "../auto-ml-job.ts";

/** Changes of training jobs wake their Autopilot job, so this is only a safety net. */
export const safetyNetMs = 5_000;
/** How often a tuning job or an endpoint is looked at: what changes of them wakes nobody. */
export const pollMs = 500;

/** Moves a job one step on in a phase. Every step may be repeated. */
export type PhaseStep = (place: OperationPlace, record: AutoMLJobRecord) => Promise<Outcome>;
