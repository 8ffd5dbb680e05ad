import { WriteConflict } from "../../store/store.ts";
import type { OperationContext } from "../service.ts";
import { findGroup } from "./find-stream.ts";
import type { LogGroup } from "./log-records.ts";
import { logGroupKey } from "./log-records.ts";
import type { LogsOperation } from "./operation.ts";

/** Says after how many days `sagebrush gc` may remove a group's streams. */
export const putRetentionPolicy: LogsOperation<"PutRetentionPolicy"> = async (input, context) => {
  await change(context, input.logGroupName, (group) => ({ ...group, retentionInDays: input.retentionInDays }));
  return {};
};

/** Goes back to the default retention. */
export const deleteRetentionPolicy: LogsOperation<"DeleteRetentionPolicy"> = async (input, context) => {
  await change(context, input.logGroupName, ({ retentionInDays: _, ...group }) => group);
  return {};
};

async function change(context: OperationContext, name: string, next: (old: LogGroup) => LogGroup): Promise<void> {
  for (;;) {
    const record = await findGroup(context, { logGroupName: name });
    const key = logGroupKey(context.scope, record.name);
    try {
      await context.platform.store.write([{ op: "update", key, version: record.version, value: next(record.value) }]);
      return;
    } catch (error) {
      // Changed by another request in between: read it again.
      if (!(error instanceof WriteConflict)) throw error;
    }
  }
}
