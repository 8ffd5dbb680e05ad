import type { IncomingMessage, ServerResponse } from "node:http";
import type { Readable } from "node:stream";
import type { Platform } from "../platform.ts";
import type { Scope } from "../scope.ts";
import type { SessionTag } from "./sts/session.ts";

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

/** Where an operation acts, whoever asked for it: all that the platform's own doings have of a context. */
export type OperationPlace = Pick<OperationContext, "scope" | "platform">;

export interface Principal {
  /** `arn:aws:sts::ACCOUNT:assumed-role/SagebrushExecutionRole/NAME`, an IAM user, or `anonymous`. */
  readonly arn: string;
  /** `undefined` for anonymous requests, which only presigned-less public access would use. */
  readonly accessKeyId?: string;
  readonly userId: string;
  /** Tags of the session that the caller's credentials are of. */
  readonly sessionTags?: readonly SessionTag[];
}

/** What one operation means: typed input in, typed output out; no HTTP. Failures a caller may see are `ServiceError`s. */
export type Handler<Input = never, Output = unknown> = (input: Input, context: OperationContext) => Promise<Output>;

/**
 * Takes over the HTTP exchange after identification and authentication, for operations on the hot path or with bodies
 * of their own kind. `input` has the members bound to the path, the query and headers; the body comes by
 * `exchange.body` (already whole in memory and verified where the service's bodies are small, still flowing for S3).
 * Throws `ServiceError` before the first byte of the answer as a `Handler` would. It may also leave the answer to the
 * gateway by returning the operation's output, as a `Handler` does.
 */
export type StreamHandler<Input = never> = (
  input: Input,
  context: OperationContext,
  exchange: StreamExchange,
) => Promise<unknown>;

export interface StreamExchange {
  readonly request: IncomingMessage;
  /** CORS headers are already set on it; it writes the request id by itself. */
  readonly response: ServerResponse;
  readonly body: RequestBody;
  /** By `performance.now()`: when its head had come. */
  readonly receivedAt: number;
  /** Checks a form upload's policy (presigned POST). @throws ServiceError as a badly signed request would. */
  verifyPolicy(policy: SignedPolicy): { readonly scope: Scope; readonly principal: Principal };
}

/** A form upload's signed policy. Names are the form's fields in lower case. */
export interface SignedPolicy {
  /** Base64, as it was signed. */
  readonly policy: string;
  readonly fields: Readonly<Record<string, string>>;
}

/** The request's body, with its transfer form (`aws-chunked`) removed and its signature checked on the way. */
export interface RequestBody {
  /** Bytes after decoding, as declared by the caller; `undefined` when it did not say. */
  readonly sizeBytes: number | undefined;
  /** The whole body where it has been read and checked already, as authentication does for all but S3. */
  readonly whole: Buffer | undefined;
  /** The whole body. @throws ServiceError when it is larger than `limitBytes`, or is not what was signed. */
  read(limitBytes: number): Promise<Buffer>;
  /**
   * The decoded bytes as they come. Ends with an error (a `ServiceError`) instead of `end` when a chunk's signature or
   * the payload's hash does not hold, or bytes are missing: nothing may be kept before `end`. Call once. Its chunks are
   * the caller's: nothing else reads their memory any more.
   * @param limitBytes - Default: what one S3 upload may have.
   */
  stream(limitBytes?: number): Readable;
  /** Headers that followed the body (`x-amz-checksum-crc32`), in lower case; complete when the stream has ended. */
  readonly trailers: Readonly<Record<string, string>>;
}

/** One CORS rule of a bucket, as the gateway applies it. */
export interface CorsRule {
  /** `*` matches any text, at most once. */
  readonly allowedOrigins: readonly string[];
  readonly allowedMethods: readonly string[];
  readonly allowedHeaders: readonly string[];
  readonly exposeHeaders: readonly string[];
  readonly maxAgeSeconds?: number;
}

export type Protocol = "aws-json-1.0" | "aws-json-1.1" | "rest-json" | "rest-xml" | "query" | "rpc-v2-cbor";

/** One AWS service: how its requests are recognised and what its operations do. */
export interface Service {
  /** Our folder name and the schema bundle's name: `sagemaker`, `s3`, `logs`. */
  readonly name: string;
  /** Names in the credential scope: `["sagemaker"]`. Several services may share one (`sagemaker-runtime`). */
  readonly signingNames: readonly string[];
  readonly protocol: Protocol;
  /** Further protocols that clients of other versions speak to it. */
  readonly alsoSpeaks?: readonly Protocol[];
  /** `X-Amz-Target` prefixes of the JSON protocols, and names in RPC v2 paths: `SageMaker`, `Logs_20140328`. */
  readonly targetPrefixes?: readonly string[];
  /** `Version` of the query protocol: `2011-06-15`. */
  readonly apiVersion?: string;
  readonly operations: Readonly<Record<string, Handler>>;
  readonly streamOperations?: Readonly<Record<string, StreamHandler>>;
  /** Which web origins may call a bucket; `undefined` or empty when none. Asked by the gateway for every `Origin`. */
  readonly corsRules?: (bucket: string, platform: Platform) => Promise<readonly CorsRule[] | undefined>;
}
