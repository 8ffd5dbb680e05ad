import type { IncomingMessage, ServerResponse } from "node:http";
import type { Platform } from "../platform.ts";
import type { Scope } from "../scope.ts";

/** Who calls and where, as the gateway established it. */
export interface OperationContext {
  readonly scope: Scope;
  readonly principal: Principal;
  readonly requestId: string;
  /** Aborted when the caller hangs up. */
  readonly signal: AbortSignal;
  readonly platform: Platform;
  /** Scheme, host and port that the caller used, for addresses in answers: `http://127.0.0.1:9310`. */
  readonly publicUrl: string;
}

export interface Principal {
  /** `arn:aws:sts::ACCOUNT:assumed-role/SagebrushExecutionRole/NAME`, an IAM user, or `anonymous`. */
  readonly arn: string;
  /** `undefined` for anonymous requests, which only presigned-less public access would use. */
  readonly accessKeyId?: string;
  readonly userId: string;
}

/** What one operation means: typed input in, typed output out; no HTTP. Failures a caller may see are `ServiceError`s. */
export type Handler<Input = never, Output = unknown> = (input: Input, context: OperationContext) => Promise<Output>;

/**
 * Takes over the HTTP exchange after identification and authentication, for operations on the hot path or with bodies
 * of their own kind. `input` has the members bound to the path, the query and headers; the body is still unread.
 * Throws `ServiceError` before the first byte of the answer as a `Handler` would.
 */
export type StreamHandler<Input = never> = (
  input: Input,
  context: OperationContext,
  exchange: { readonly request: IncomingMessage; readonly response: ServerResponse },
) => Promise<void>;

export type Protocol = "aws-json-1.0" | "aws-json-1.1" | "rest-json" | "rest-xml" | "query" | "rpc-v2-cbor";

/** One AWS service: how its requests are recognised and what its operations do. */
export interface Service {
  /** Our folder name and the schema bundle's name: `sagemaker`, `s3`, `logs`. */
  readonly name: string;
  /** Names in the credential scope: `["sagemaker"]`. Several services may share one (`sagemaker-runtime`). */
  readonly signingNames: readonly string[];
  readonly protocol: Protocol;
  /** `X-Amz-Target` prefixes of the JSON protocols: `SageMaker`, `Logs_20140328`. */
  readonly targetPrefixes?: readonly string[];
  /** `Version` of the query protocol: `2011-06-15`. */
  readonly apiVersion?: string;
  readonly operations: Readonly<Record<string, Handler>>;
  readonly streamOperations?: Readonly<Record<string, StreamHandler>>;
}
