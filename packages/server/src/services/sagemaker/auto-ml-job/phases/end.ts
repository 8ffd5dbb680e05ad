import type { AutoMLJobSecondaryStatus } from "@aws-sdk/client-sagemaker";
import { done, type Outcome } from "../../../../reconcile/reconcile.ts";
import type { OperationPlace } from "../../../service.ts";
import type { AutoMLJobRecord } from "../auto-ml-job.ts";
import { write } from "../launch.ts";

/** What FailureReason holds. */
const longestReason = 1024;

/** Ends a job. @param status - Also its secondary status, unless that says more. */
export async function end(
  place: OperationPlace,
  record: AutoMLJobRecord,
  status: "Completed" | "Failed" | "Stopped",
  more: { readonly secondary?: AutoMLJobSecondaryStatus; readonly reason?: string } = {},
): Promise<Outcome> {
  const { clock, log } = place.platform;
  const value = {
    ...record.value,
    ...{ secondary: more.secondary ?? status, endedAt: clock.now() },
    ...(more.reason !== undefined && { failureReason: more.reason.slice(0, longestReason) }),
  };
  await write(place, record, value, status);
  log.info("Autopilot job ended", { autoMLJob: record.name, status });
  return done;
}
