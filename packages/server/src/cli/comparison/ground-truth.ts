import type { S3Client } from "@aws-sdk/client-s3";
import { labelText, parseAnswer } from "../../comparison/answers.ts";
import { linesBelow, placeOf } from "./s3-lines.ts";

/** What turned out to be true, for each record of a request, by the request's inference id or event id. */
export type GroundTruth = ReadonlyMap<string, readonly string[]>;

interface TruthLine {
  readonly groundTruthData?: { readonly data?: unknown; readonly encoding?: string };
  readonly eventMetadata?: { readonly eventId?: string };
}

/**
 * Reads ground truth as SageMaker Model Monitor has it: JSON lines
 * `{"groundTruthData": {"data": "1", "encoding": "CSV"}, "eventMetadata": {"eventId": "<id>"}, "eventVersion": "0"}`.
 * The last line of an id counts. Labels come late, so every folder is read.
 * @returns The truths, and how many lines could not be read.
 */
export async function readGroundTruth(s3: S3Client, uri: string): Promise<{ truths: GroundTruth; unread: number }> {
  const { bucket, prefix } = placeOf(uri);
  const truths = new Map<string, readonly string[]>();
  let unread = 0;
  for await (const line of linesBelow(s3, bucket, prefix, 0)) {
    const read = readLine(line);
    if (read === undefined) unread += 1;
    else truths.set(read.id, read.values);
  }
  return { truths, unread };
}

function readLine(line: string): { id: string; values: readonly string[] } | undefined {
  let parsed: TruthLine;
  try {
    parsed = JSON.parse(line) as TruthLine;
  } catch {
    return undefined;
  }
  const id = parsed?.eventMetadata?.eventId;
  const { data, encoding } = parsed?.groundTruthData ?? {};
  if (typeof id !== "string" || (typeof data !== "string" && typeof data !== "number")) return undefined;
  const contentType = encoding === "JSON" ? "application/json" : "text/csv";
  const text = encoding === "BASE64" ? Buffer.from(String(data), "base64") : Buffer.from(String(data));
  const values = parseAnswer({ contentType, body: text })?.map(truthOf);
  if (values === undefined || values.length === 0 || values.includes(undefined)) return undefined;
  return { id, values: values as string[] };
}

/** A cell, or the first of a row. */
function truthOf(value: unknown): string | undefined {
  const first: unknown = Array.isArray(value) ? value[0] : value;
  return typeof first === "string" || typeof first === "number" || typeof first === "boolean"
    ? labelText(first)
    : undefined;
}
