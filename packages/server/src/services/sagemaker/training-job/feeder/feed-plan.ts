import type { Share } from "../input/channel-share.ts";

/** What the feeder of one run streams: its Pipe channels. Written as JSON to `plan` in the feeder's folder. */
export interface FeedPlan {
  /** The host's folder for /opt/ml/input/data, where the FIFOs appear. */
  readonly directory: string;
  readonly channels: readonly FeedChannel[];
}

/** One Pipe channel of a run. */
export interface FeedChannel {
  readonly name: string;
  /** File in the feeder's folder with one {@link FeedUnit} as JSON on each line, for all hosts of the job. */
  readonly units: string;
  readonly share: Share;
  /** ShuffleConfig's seed: every epoch has an order of its own. */
  readonly seed?: number;
  /** Objects are gzip files; the stream has what is in them. */
  readonly gzip: boolean;
  /** Each segment becomes one RecordIO record. */
  readonly recordIo: boolean;
}

/** What is shuffled and dealt as a whole; its segments follow one another. */
export type FeedUnit = readonly FeedSegment[];

/** Bytes of a stream: a text, or the immutable file that holds an object and how messages call the object. */
export type FeedSegment =
  | { readonly text: string }
  | { readonly file: string; readonly sizeBytes: number; readonly uri: string };

/** Files of a feeder's folder. */
export const feederFiles = {
  plan: "plan",
  /** Names the process: `PID START BOOT`. */
  pid: "pid",
  /** Every channel's first FIFO is there. */
  ready: "ready",
  /** JSON of a {@link FeederFault}: the stream stands still, and the job must end. */
  failed: "failed",
} as const;

/** Why a feeder cannot go on. */
export interface FeederFault {
  /** The caller's data or the job's doing, or the platform's own trouble. */
  readonly by: "input" | "platform";
  readonly message: string;
}

/** A stream cannot go on because of what it is to carry. */
export class FeedError extends Error {
  override readonly name = "FeedError";
}

/** Parses a plan that this version or the one before wrote. */
export function parseFeedPlan(text: string): FeedPlan {
  return JSON.parse(text) as FeedPlan;
}
