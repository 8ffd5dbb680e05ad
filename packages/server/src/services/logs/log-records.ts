import type { Scope } from "../../scope.ts";
import type { RecordKey } from "../../store/store.ts";

/** A log group. */
export interface LogGroup {
  readonly group: string;
  /** Days after which `sagebrush gc` may drop its streams; absent: the default retention. */
  readonly retentionInDays?: number;
}

/** A log stream: a name for a file that whoever produces the lines appends to. */
export interface LogStream {
  readonly group: string;
  readonly stream: string;
  /** Relative to the data directory's `logs`. */
  readonly file: string;
}

/** Where a log group is found. */
export function logGroupKey(scope: Scope, group: string): RecordKey {
  return { account: scope.account, region: scope.region, kind: "log-group", name: group };
}

/** Where a log stream is found. */
export function logStreamKey(scope: Scope, group: string, stream: string): RecordKey {
  return { account: scope.account, region: scope.region, kind: "log-stream", name: logStreamName(group, stream) };
}

/** U+0001 sorts below every character that a group's name may have, so that streams of one group stay together. */
export function logStreamName(group: string, stream: string): string {
  return `${group}\u0001${stream}`;
}
