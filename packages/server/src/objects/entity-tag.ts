import type { Ingested } from "./bytes/ingest.ts";
import { randomHex } from "./random-id.ts";

/**
 * The entity tag of bytes that were stored with their MD5, with quotes. That of encrypted bytes says nothing of them, as with
 * S3: a digest would tell whoever guesses them that the guess is right.
 */
export function etagOf({ bytes, digests }: Ingested): string {
  return `"${bytes.sealed ? randomHex(16) : Buffer.from(digests.MD5 as string, "base64").toString("hex")}"`;
}
