import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import type { OperationContext } from "../service.ts";
import { invalidParameter } from "./errors.ts";
import { filterPattern } from "./filter-pattern.ts";
import { findGroup, findStream, openStream, pathOf, streamsOf } from "./find-stream.ts";
import type { LogStream } from "./log-records.ts";
import type { LogsOperation } from "./operation.ts";

/** The most events of one answer, which is also the default. */
const maxEvents = 10_000;

/** A place in the order of all events of a group: by time, then stream, then place in the stream. */
interface Position {
  readonly at: number;
  readonly stream: string;
  readonly offset: number;
}

interface Found extends Position {
  readonly text: string;
}

/** Events of many streams of a group, in order of time, that match a pattern. */
export const filterLogEvents: LogsOperation<"FilterLogEvents"> = async (input, context) => {
  const group = await findGroup(context, input);
  if (input.logStreamNames?.length && input.logStreamNamePrefix !== undefined) {
    throw invalidParameter("logStreamNames and logStreamNamePrefix cannot both be given.");
  }
  const matches = filterPattern(input.filterPattern ?? "");
  const after = input.nextToken === undefined ? undefined : parseToken(input.nextToken);
  const limit = input.limit ?? maxEvents;
  const search: Search = {
    context,
    matches,
    after,
    from: Math.max(input.startTime ?? 0, after?.at ?? 0),
    endTime: input.endTime ?? Number.POSITIVE_INFINITY,
    // One more than asked for tells whether there is another page.
    limit: limit + 1,
  };
  let found: Found[] = [];
  for await (const stream of wanted(context, group.name, input)) {
    found = await searchStream(search, stream, found);
  }
  const page = found.slice(0, limit);
  const last = page.at(-1);
  return {
    events: page.map((event) => ({
      logStreamName: event.stream,
      timestamp: event.at,
      message: event.text,
      ingestionTime: event.at,
      eventId: eventId(event),
    })),
    searchedLogStreams: [],
    ...(found.length > limit && last && { nextToken: tokenOf(last) }),
  };
};

interface Search {
  readonly context: OperationContext;
  readonly matches: (text: string) => boolean;
  readonly after: Position | undefined;
  readonly from: number;
  readonly endTime: number;
  readonly limit: number;
}

async function* wanted(
  context: OperationContext,
  group: string,
  input: { readonly logStreamNames?: string[] | undefined; readonly logStreamNamePrefix?: string | undefined },
): AsyncGenerator<LogStream> {
  if (input.logStreamNames?.length) {
    for (const name of input.logStreamNames) yield (await findStream(context, group, name)).value;
  } else {
    for await (const record of streamsOf(context, group, input.logStreamNamePrefix ?? "")) yield record.value;
  }
}

/** Merges one stream's events into those found so far, keeping the first `limit`. One file is open at a time. */
async function searchStream(search: Search, stream: LogStream, found: Found[]): Promise<Found[]> {
  // A file that was last written before the time in question has nothing to tell.
  const written = await stat(pathOf(search.context, stream)).then(
    ({ mtimeMs }) => mtimeMs,
    () => undefined,
  );
  if (written === undefined || written + 1000 < search.from) return found;
  const full = found.length >= search.limit ? found.at(-1) : undefined;
  const mine: Found[] = [];
  const file = await openStream(search.context, stream);
  try {
    for await (const line of file.forward(search.from > 0 ? await file.seek(search.from) : 0)) {
      const event: Found = { at: line.at, stream: stream.stream, offset: line.offset, text: line.text };
      if (line.at >= search.endTime || (full && compare(event, full) > 0)) break;
      if (line.at < search.from || (search.after && compare(event, search.after) <= 0)) continue;
      if (!search.matches(line.text)) continue;
      mine.push(event);
      if (mine.length >= search.limit) break;
    }
  } finally {
    await file.close();
  }
  if (mine.length === 0) return found;
  return [...found, ...mine].sort(compare).slice(0, search.limit);
}

function compare(a: Position, b: Position): number {
  if (a.at !== b.at) return a.at - b.at;
  if (a.stream !== b.stream) return a.stream < b.stream ? -1 : 1;
  return a.offset - b.offset;
}

/** Clients drop events whose id they have seen: it is one number of CloudWatch's width for each line. */
function eventId({ at, stream, offset }: Position): string {
  const streamDigits = BigInt(`0x${createHash("sha256").update(stream).digest("hex").slice(0, 16)}`);
  const parts = [
    String(at).padStart(16, "0"),
    String(streamDigits).padStart(20, "0"),
    String(offset).padStart(20, "0"),
  ];
  return parts.join("");
}

function tokenOf(position: Position): string {
  const { at, stream, offset } = position;
  return Buffer.from(JSON.stringify([at, stream, offset])).toString("base64url");
}

function parseToken(token: string): Position {
  try {
    const [at, stream, offset] = JSON.parse(Buffer.from(token, "base64url").toString("utf8"));
    if (typeof at === "number" && typeof stream === "string" && typeof offset === "number") {
      return { at, stream, offset };
    }
  } catch {
    // Not JSON: said below.
  }
  throw invalidParameter("The specified nextToken is invalid.");
}
