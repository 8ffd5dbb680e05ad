import { again, type Outcome } from "../../../../reconcile/reconcile.ts";
import type { OperationPlace } from "../../../service.ts";
import { type AutoMLJobRecord, withPartialFailure } from "../auto-ml-job.ts";
import { bestOf, candidatesOf } from "../candidates.ts";
import { write } from "../launch.ts";
import { end } from "./end.ts";

/** Looks at what has come of the candidates. A job without any has failed; any other is as good as its best one. */
export async function chooseBest(place: OperationPlace, record: AutoMLJobRecord): Promise<Outcome> {
  const candidates = await candidatesOf(record, place);
  const best = bestOf(candidates, record);
  const failures = candidates.flatMap(({ job, status }) =>
    status === "Failed" && job?.value.failureReason !== undefined ? [job.value.failureReason] : [],
  );
  if (!best) {
    const why = record.value.isOverTime
      ? "MaxAutoMLJobRuntimeInSeconds was over before there was a candidate."
      : `No candidate could be trained. ${failures[0] ?? ""}`.trim();
    return await end(place, record, "Failed", { reason: why });
  }
  const next = failures.reduce(withPartialFailure, record.value);
  await write(place, record, {
    ...next,
    ...{ best: best.name, phase: "report", secondary: "GeneratingExplainabilityReport" },
  });
  return again(0);
}
