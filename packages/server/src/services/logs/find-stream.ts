import { join } from "node:path";
import type { StoredRecord } from "../../store/store.ts";
import type { OperationContext } from "../service.ts";
import { invalidParameter, resourceNotFoundException } from "./errors.ts";
import { LogFile } from "./log-file.ts";
import { type LogGroup, type LogStream, logGroupKey, logStreamKey, logStreamName } from "./log-records.ts";

/** The group that a request names, by name or by ARN. @throws ResourceNotFoundException */
export async function findGroup(
  context: OperationContext,
  input: { readonly logGroupName?: string | undefined; readonly logGroupIdentifier?: string | undefined },
): Promise<StoredRecord<LogGroup>> {
  const name = input.logGroupName ?? input.logGroupIdentifier?.replace(/^arn:[^:]*:logs:[^:]*:\d*:log-group:/, "");
  if (name === undefined) throw invalidParameter("Either logGroupName or logGroupIdentifier must be given.");
  const key = logGroupKey(context.scope, name.replace(/:\*$/, ""));
  const record = await context.platform.store.get<LogGroup>(key);
  if (!record) throw resourceNotFoundException("log group");
  return record;
}

/** A stream of a group. @throws ResourceNotFoundException */
export async function findStream(
  context: OperationContext,
  group: string,
  stream: string,
): Promise<StoredRecord<LogStream>> {
  const record = await context.platform.store.get<LogStream>(logStreamKey(context.scope, group, stream));
  if (!record) throw resourceNotFoundException("log stream");
  return record;
}

/** Every stream of a group whose name begins with `prefix`, by name. */
export async function* streamsOf(
  context: OperationContext,
  group: string,
  prefix: string,
): AsyncGenerator<StoredRecord<LogStream>> {
  const { store } = context.platform;
  const { account, region } = context.scope;
  const query = { kind: "log-stream", account, region, prefix: logStreamName(group, prefix), limit: 1000 };
  let token: string | undefined;
  do {
    const page = await store.list<LogStream>({ ...query, ...(token !== undefined && { token }) });
    yield* page.records;
    token = page.next;
  } while (token !== undefined);
}

/** Where the stream's lines are. */
export function pathOf(context: OperationContext, stream: LogStream): string {
  return join(context.platform.dataDirectory.logs, stream.file);
}

/** Opens a stream's file. The caller closes it. */
export function openStream(context: OperationContext, stream: LogStream): Promise<LogFile> {
  return LogFile.open(pathOf(context, stream));
}
