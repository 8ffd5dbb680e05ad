import { stat } from "node:fs/promises";
import { InvalidPageToken, type StoredRecord } from "../../store/store.ts";
import type { OperationContext } from "../service.ts";
import { invalidParameter } from "./errors.ts";
import { findGroup, openStream, pathOf, streamsOf } from "./find-stream.ts";
import { type LogStream, logStreamName } from "./log-records.ts";
import type { LogsOperation } from "./operation.ts";

/** Default and largest page. */
const maxStreams = 50;

interface Page {
  readonly streams: readonly StoredRecord<LogStream>[];
  readonly next?: string;
}

/** One page of a group's streams, by name or by the time of their last event. */
export const describeLogStreams: LogsOperation<"DescribeLogStreams"> = async (input, context) => {
  const group = await findGroup(context, input);
  const byTime = input.orderBy === "LastEventTime";
  if (byTime && input.logStreamNamePrefix !== undefined) {
    throw invalidParameter("Cannot order by LastEventTime with a logStreamNamePrefix.");
  }
  const request: PageRequest = {
    group: group.name,
    prefix: input.logStreamNamePrefix ?? "",
    descending: input.descending ?? false,
    limit: Math.min(input.limit ?? maxStreams, maxStreams),
    token: input.nextToken,
  };
  const page = byTime ? await pageByTime(context, request) : await pageByName(context, request);
  return {
    logStreams: await Promise.all(page.streams.map((record) => describe(context, record))),
    ...(page.next !== undefined && { nextToken: page.next }),
  };
};

interface PageRequest {
  readonly group: string;
  readonly prefix: string;
  readonly descending: boolean;
  readonly limit: number;
  readonly token: string | undefined;
}

async function pageByName(context: OperationContext, request: PageRequest): Promise<Page> {
  const { account, region } = context.scope;
  try {
    const page = await context.platform.store.list<LogStream>({
      kind: "log-stream",
      account,
      region,
      prefix: logStreamName(request.group, request.prefix),
      descending: request.descending,
      limit: request.limit,
      ...(request.token !== undefined && { token: request.token }),
    });
    return { streams: page.records, ...(page.next !== undefined && { next: page.next }) };
  } catch (error) {
    if (error instanceof InvalidPageToken) throw invalidParameter("The specified nextToken is invalid.");
    throw error;
  }
}

/** Times of last events are file times: they change without a record's write, so every page sorts anew. */
async function pageByTime(context: OperationContext, request: PageRequest): Promise<Page> {
  const all: { readonly at: number; readonly record: StoredRecord<LogStream> }[] = [];
  for await (const record of streamsOf(context, request.group, "")) {
    const at = await stat(pathOf(context, record.value)).then(
      ({ mtimeMs }) => mtimeMs,
      () => 0,
    );
    all.push({ at, record });
  }
  const sign = request.descending ? -1 : 1;
  all.sort((a, b) => sign * (a.at - b.at || (a.record.name < b.record.name ? -1 : 1)));
  const start = request.token === undefined ? 0 : Number(request.token);
  if (!Number.isSafeInteger(start) || start < 0) throw invalidParameter("The specified nextToken is invalid.");
  const end = start + request.limit;
  return {
    streams: all.slice(start, end).map(({ record }) => record),
    ...(end < all.length && { next: String(end) }),
  };
}

async function describe(context: OperationContext, { value, createdAt }: StoredRecord<LogStream>) {
  const { partition, region, account } = context.scope;
  const file = await openStream(context, value);
  try {
    const first = (await file.forward(0).next()).value;
    const last = (await file.backward(file.completeBytes).next()).value;
    return {
      logStreamName: value.stream,
      creationTime: createdAt,
      ...(first && { firstEventTimestamp: first.at }),
      ...(last && { lastEventTimestamp: last.at, lastIngestionTime: last.at }),
      arn: `arn:${partition}:logs:${region}:${account}:log-group:${value.group}:log-stream:${value.stream}`,
      storedBytes: 0,
    };
  } finally {
    await file.close();
  }
}
