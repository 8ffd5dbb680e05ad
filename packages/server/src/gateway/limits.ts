const MiB = 1024 * 1024;

/** Everything the gateway bounds, in one place. `docs/reference/limits.md` repeats the table for users. */
export const limits = {
  /** Request line and headers together. S3 user metadata may take 2 KB of it, a session token 2 KB. */
  headerBytes: 32 * 1024,
  /** Bodies that are read whole, by service. A pipeline definition may be 1 MB; 10,000 parts' XML is about 3 MB; a part of an image layer is up to 20 MiB in base64. */
  bodyBytes: { "sagemaker-runtime": 25 * MiB, s3: 8 * MiB, ecr: 32 * MiB, default: 8 * MiB } as Readonly<
    Record<string, number>
  >,
  /** Structures and lists in one JSON body, and members of one of them: ten times what any operation may hold. */
  jsonContainers: 100_000,
  jsonMembers: 10_000,
  /** One S3 PUT or part, as S3 has it. */
  streamedBodyBytes: 5 * 1024 * MiB,
  /** One chunk header line of `aws-chunked`, and all trailers together. */
  chunkLineBytes: 4 * 1024,
  trailerBytes: 16 * 1024,
  /** Bodies above this are hashed on libuv's threads: 1 MiB takes about 2.5 ms on the event loop. */
  hashInlineBytes: MiB,
  /** A signature's time may be this far from ours, as AWS has it. */
  clockSkewMs: 15 * 60_000,
  /** Longest life of a presigned address: seven days. */
  presignedSeconds: 7 * 24 * 3600,
  /** Derived signing keys kept: one a key, day, region and service. */
  signingKeys: 1_000,
  /** Paths of REST services whose operation is remembered. */
  knownPaths: 1_000,
  /** Opened session tokens kept. */
  sessions: 1_000,
  /** Connections open at once; more are closed as they come. */
  connections: 10_000,
  /** Silence on a connection before it is closed: headers must be whole by then. */
  headersTimeoutMs: 60_000,
  /** Above the SDKs' own idle time, so that the client closes first and no request meets a closing socket. */
  keepAliveTimeoutMs: 75_000,
  /** Silence in the middle of a body. */
  bodyIdleMs: 60_000,
} as const;

/** How large a body of this service may be where it is read whole. */
export function bodyLimit(service: string): number {
  return limits.bodyBytes[service] ?? (limits.bodyBytes["default"] as number);
}
