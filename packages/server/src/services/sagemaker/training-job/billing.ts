import { appendFile, mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { LogFile } from "../../logs/log-file.ts";
import type { TrainingJob } from "./training-job.ts";

/** What a job that has ended is billed for, in whole seconds. */
export interface Bill {
  readonly trainingSeconds: number;
  readonly billableSeconds: number;
}

type Billed = Pick<TrainingJob, "startedAt" | "endedAt" | "spotDiscount">;

/**
 * Billed is the time from getting the machine to letting it go, at least a second, whatever the instance count; of spot
 * jobs, the share that the discount leaves. `undefined` for a job that got no machine or has not ended.
 */
export function billOf({ startedAt, endedAt, spotDiscount = 0 }: Billed): Bill | undefined {
  if (startedAt === undefined || endedAt === undefined) return undefined;
  const trainingSeconds = Math.max(1, Math.round((endedAt - startedAt) / 1000));
  return { trainingSeconds, billableSeconds: Math.max(1, Math.round(trainingSeconds * (1 - spotDiscount))) };
}

const prefix = "[sagebrush] Managed spot training: ";

/**
 * Says in a spot job's log what it is billed for, once: a step that is repeated after a crash finds the line.
 * @param job - As its record is about to be.
 * @param logFile - The first host's, to which nobody else writes any more.
 * @param now - Milliseconds since 1970.
 */
export async function tellBill(job: Billed, logFile: string, now: number): Promise<void> {
  const bill = billOf(job);
  if (job.spotDiscount === undefined || !bill) return;
  const { trainingSeconds, billableSeconds } = bill;
  const text = `${prefix}TrainingTimeInSeconds ${trainingSeconds}, BillableTimeInSeconds ${billableSeconds}.`;
  // A job that was refused before its first run has no log yet.
  await mkdir(dirname(logFile), { recursive: true });
  await appendFile(logFile, `${now} ${text}\n`);
}

/**
 * When a spot job's bill was told, in milliseconds since 1970; `undefined` when it was not.
 * @param endedAt - When its last run had ended: what the run itself wrote is no bill.
 */
export async function billToldAt(logFile: string, endedAt: number): Promise<number | undefined> {
  const log = await LogFile.open(logFile);
  try {
    for await (const { at, text } of log.backward(log.completeBytes)) {
      return at > endedAt && text.startsWith(prefix) ? at : undefined;
    }
    return undefined;
  } finally {
    await log.close();
  }
}
