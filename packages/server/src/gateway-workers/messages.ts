import type { Configuration } from "../configuration.ts";
import type { Credentials } from "../gateway/credentials.ts";
import type { PutAttributes } from "../objects/object-catalogue.ts";
import type { LatencyHistogram } from "../serving/latency-histogram.ts";
import type { EndpointName, EndpointRecord } from "../serving/routing/routing-table.ts";
import type { VariantPeriod } from "../serving/variant-metrics.ts";

/** What a worker is started with. */
export interface WorkerOrder {
  /** From 1: which of the cells it counts in. */
  readonly worker: number;
  /** How many there are. */
  readonly workers: number;
  readonly configuration: Configuration;
  /** The server's own key pair, from which session tokens can be opened too. */
  readonly root: Credentials;
  /** Free at the first worker's start when 0. */
  readonly port: number;
  /** The main process's listener for what workers pass on. */
  readonly socket: string;
  readonly routes: readonly RouteChange[];
  readonly invocationTimeoutMs?: number;
}

/** An endpoint as it is now; without a record it is gone. */
export interface RouteChange {
  readonly endpoint: EndpointName;
  readonly record: EndpointRecord | undefined;
  /** Where its instances are counted. */
  readonly loads: readonly (readonly [runId: string, cells: Int32Array])[];
}

/** To a worker. */
export type ToWorker =
  /** Answered with `done`. */
  | { readonly kind: "route"; readonly ticket: number; readonly change: RouteChange }
  /** Stops accepting, ends what is under way and leaves. */
  | { readonly kind: "drain"; readonly graceMs: number }
  /** What the worker asked for is done, or failed. */
  | { readonly kind: "done"; readonly ticket: number; readonly failure?: string };

/** From a worker. */
export type FromWorker =
  | { readonly kind: "listening"; readonly port: number }
  | { readonly kind: "done"; readonly ticket: number }
  | { readonly kind: "counted"; readonly counts: readonly VariantCounts[] }
  | { readonly kind: "suspected"; readonly runId: string }
  /** Look whether there is such an endpoint. Answered with `done`, after its route if there is one. */
  | { readonly kind: "find"; readonly ticket: number; readonly endpoint: EndpointName }
  /** Store an object that was captured. Answered with `done`. */
  | { readonly kind: "put"; readonly ticket: number; readonly object: CapturedObject };

/** What a variant's invocations came to in one worker since it said so last. */
export interface VariantCounts extends Omit<VariantPeriod, "model" | "overhead"> {
  readonly account: string;
  readonly region: string;
  readonly endpoint: string;
  readonly variant: string;
  readonly config?: string;
  readonly model: HistogramData;
  readonly overhead: HistogramData;
}

/** A histogram's fields: messages carry no classes. */
export type HistogramData = Pick<LatencyHistogram, "count" | "sumMs" | "leastMs" | "mostMs" | "counts">;

/** One object of captured requests. */
export interface CapturedObject {
  readonly bucket: string;
  readonly key: string;
  readonly bytes: Uint8Array;
  readonly attributes: PutAttributes | undefined;
}
