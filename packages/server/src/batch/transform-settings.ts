import type { BatchStrategy, ExecutionParameters } from "./model/execution-parameters.ts";
import type { ClientSettings } from "./model/invoke.ts";
import type { DataProcessing } from "./records/data-processing.ts";

/** SplitType, and AssembleWith as far as it has the same values. */
export type SplitType = "None" | "Line" | "RecordIO" | "TFRecord";

/** What a job asks for, as far as it decides how an object becomes requests and answers an object. */
export interface TransformRequest {
  readonly splitType: SplitType;
  readonly assembleWith: "None" | "Line";
  readonly isGzip: boolean;
  readonly contentType: string | undefined;
  readonly accept: string | undefined;
  readonly client: ClientSettings;
  readonly processing: DataProcessing;
  /** What the request itself sets; the container's wishes and the defaults fill in the rest. */
  readonly wanted: ExecutionParameters;
}

/** What holds once the container was asked. */
export interface TransformSettings extends Omit<TransformRequest, "wanted"> {
  readonly strategy: BatchStrategy;
  readonly maxConcurrentTransforms: number;
  /** 0: a body has no limit, and is sent as it is read. */
  readonly maxPayloadInMB: number;
}

const defaults = { maxConcurrentTransforms: 1, batchStrategy: "MultiRecord", maxPayloadInMB: 6 } as const;
/** What bodies under way at an instance may have together. */
const mostMegabytes = 100;

/** The request wins over the container, which wins over the defaults; what a container wishes is cut to what fits together. */
export function effectiveSettings(
  { wanted, ...request }: TransformRequest,
  offered: ExecutionParameters,
): TransformSettings {
  const maxPayloadInMB = wanted.maxPayloadInMB ?? offered.maxPayloadInMB ?? defaults.maxPayloadInMB;
  const asked = wanted.maxConcurrentTransforms ?? offered.maxConcurrentTransforms ?? defaults.maxConcurrentTransforms;
  const fitting = maxPayloadInMB === 0 ? asked : Math.max(1, Math.floor(mostMegabytes / maxPayloadInMB));
  return {
    ...request,
    strategy: wanted.batchStrategy ?? offered.batchStrategy ?? defaults.batchStrategy,
    maxConcurrentTransforms: wanted.maxConcurrentTransforms ?? Math.min(asked, fitting),
    maxPayloadInMB,
  };
}

/** The first line of a data log. */
export function settingsLine({ maxConcurrentTransforms, maxPayloadInMB, strategy }: TransformSettings): string {
  const name = strategy === "MultiRecord" ? "MULTI_RECORD" : "SINGLE_RECORD";
  return `MaxConcurrentTransforms=${maxConcurrentTransforms}, MaxPayloadInMB=${maxPayloadInMB}, BatchStrategy=${name}`;
}
