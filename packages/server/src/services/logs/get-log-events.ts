import { invalidParameter } from "./errors.ts";
import { findGroup, findStream, openStream } from "./find-stream.ts";
import type { LogFile, LogLine } from "./log-file.ts";
import type { LogsOperation } from "./operation.ts";

/** The most events of one answer, which is also the default. */
const maxEvents = 10_000;
/** The most bytes of one answer, counted as CloudWatch does: the text and 26 for each event. */
const maxBytes = 1024 * 1024;
const eventOverhead = 26;

/** Where a page begins, and which way it goes. */
interface Cursor {
  readonly direction: "forward" | "backward";
  readonly offset: number;
}

/**
 * One page of a stream, oldest first. Tokens are places in the file, so that nothing is lost or told twice while lines
 * are being written: asking with the same forward token again brings what came since.
 */
export const getLogEvents: LogsOperation<"GetLogEvents"> = async (input, context) => {
  const group = await findGroup(context, input);
  const stream = await findStream(context, group.name, input.logStreamName);
  const file = await openStream(context, stream.value);
  try {
    const cursor =
      input.nextToken === undefined
        ? await firstCursor(file, input.startFromHead ?? false, input.startTime, input.endTime)
        : parseToken(input.nextToken, file.completeBytes);
    const lines = await page(file, cursor, {
      limit: input.limit ?? maxEvents,
      startTime: input.startTime ?? 0,
      endTime: input.endTime ?? Number.POSITIVE_INFINITY,
    });
    return {
      events: lines.map(({ at, text }) => ({ timestamp: at, message: text, ingestionTime: at })),
      nextForwardToken: token("f", lines.at(-1)?.end ?? cursor.offset),
      nextBackwardToken: token("b", lines[0]?.offset ?? cursor.offset),
    };
  } finally {
    await file.close();
  }
};

async function firstCursor(
  file: LogFile,
  fromHead: boolean,
  startTime: number | undefined,
  endTime: number | undefined,
): Promise<Cursor> {
  if (fromHead) return { direction: "forward", offset: startTime ? await file.seek(startTime) : 0 };
  const offset = endTime === undefined ? file.completeBytes : await file.seek(endTime);
  return { direction: "backward", offset };
}

async function page(
  file: LogFile,
  cursor: Cursor,
  { limit, startTime, endTime }: { readonly limit: number; readonly startTime: number; readonly endTime: number },
): Promise<LogLine[]> {
  const lines: LogLine[] = [];
  const forward = cursor.direction === "forward";
  let bytes = 0;
  for await (const line of forward ? file.forward(cursor.offset) : file.backward(cursor.offset)) {
    if (forward ? line.at >= endTime : line.at < startTime) break;
    if (forward ? line.at < startTime : line.at >= endTime) continue;
    bytes += Buffer.byteLength(line.text) + eventOverhead;
    // The first event is always told, however long: a page must move on.
    if (lines.length > 0 && bytes > maxBytes) break;
    lines.push(line);
    if (lines.length >= limit) break;
  }
  return forward ? lines : lines.reverse();
}

/** `f/` or `b/` and a number of CloudWatch's width. */
function token(direction: "f" | "b", offset: number): string {
  return `${direction}/${String(offset).padStart(56, "0")}`;
}

function parseToken(text: string, completeBytes: number): Cursor {
  const match = /^([fb])\/(\d{1,56})(?:\/s)?$/.exec(text);
  const offset = Number(match?.[2]);
  if (!match || offset > completeBytes) throw invalidParameter("The specified nextToken is invalid.");
  return { direction: match[1] === "f" ? "forward" : "backward", offset };
}
