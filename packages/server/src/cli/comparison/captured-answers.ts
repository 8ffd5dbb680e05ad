import type { S3Client } from "@aws-sdk/client-s3";
import { type GivenAnswer, readPredictions } from "../../comparison/answers.ts";
import type { TruthPair } from "../../comparison/quality.ts";
import type { GroundTruth } from "./ground-truth.ts";
import { linesBelow, placeOf } from "./s3-lines.ts";

/** One variant's predictions whose truth is known. */
export interface JoinedAnswers {
  readonly pairs: readonly TruthPair[];
  /** Answers with ground truth that is not of as many records, or that say nothing that could be read. */
  readonly unread: number;
}

interface CaptureLine {
  readonly captureData?: {
    readonly endpointOutput?: {
      readonly observedContentType?: string;
      readonly data?: string;
      readonly encoding?: string;
    };
  };
  readonly eventMetadata?: {
    readonly eventId?: string;
    readonly inferenceId?: string;
    readonly inferenceTime?: string;
  };
}

/**
 * Joins captured answers with ground truth by the caller's inference id, or else the event's id, as Model Monitor does.
 * @param uri - DestinationS3Uri of the endpoint's captures.
 * @param range - Milliseconds since 1970: requests between them count.
 */
export async function joinAnswers(
  s3: S3Client,
  uri: string,
  { endpoint, variant, from, to }: { endpoint: string; variant: string; from: number; to: number },
  truths: GroundTruth,
): Promise<JoinedAnswers> {
  const { bucket, prefix } = placeOf(uri);
  const folder = [prefix, endpoint, variant].filter((part) => part !== "").join("/");
  const pairs: TruthPair[] = [];
  let unread = 0;
  for await (const line of linesBelow(s3, bucket, folder, from)) {
    const { captureData, eventMetadata } = parseLine(line) ?? {};
    const at = Date.parse(eventMetadata?.inferenceTime ?? "");
    // Times of captures have whole seconds.
    if (at < from - 1_000 || at > to) continue;
    const id = eventMetadata?.inferenceId ?? eventMetadata?.eventId ?? "";
    const truth = truths.get(id);
    if (truth === undefined) continue;
    const answer = answerOf(captureData?.endpointOutput);
    const predictions = answer && readPredictions(answer, truth.length);
    if (predictions === undefined || predictions.length !== truth.length) unread += 1;
    else
      for (const [at, prediction] of predictions.entries())
        pairs.push({ id: `${id}#${at}`, truth: truth[at] as string, prediction });
  }
  return { pairs, unread };
}

function parseLine(line: string): CaptureLine | undefined {
  try {
    return JSON.parse(line) as CaptureLine;
  } catch {
    return undefined;
  }
}

function answerOf(output: NonNullable<CaptureLine["captureData"]>["endpointOutput"]): GivenAnswer | undefined {
  if (output?.data === undefined) return undefined;
  return {
    contentType: output.observedContentType,
    body: Buffer.from(output.data, output.encoding === "BASE64" ? "base64" : "utf8"),
  };
}
