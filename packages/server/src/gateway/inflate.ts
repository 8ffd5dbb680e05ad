import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import type { Protocol } from "../services/service.ts";
import { refuse } from "./errors.ts";

const gunzipAsync = promisify(gunzip);

/**
 * Undoes the compression of a request's body (`Content-Encoding: gzip`), which SDKs apply to large PutMetricData calls.
 * The signature covers the compressed bytes.
 * @throws ServiceError for another encoding, damaged bytes, and what would grow past `limitBytes`.
 */
export async function inflate(
  protocol: Protocol | undefined,
  encoding: string,
  bytes: Buffer,
  limitBytes: number,
): Promise<Buffer> {
  if (encoding.trim().toLowerCase() !== "gzip") {
    throw refuse(protocol, "unsupportedMediaType", `The Content-Encoding must be gzip, not "${encoding}".`);
  }
  try {
    return await gunzipAsync(bytes, { maxOutputLength: limitBytes });
  } catch (cause) {
    const tooLarge = (cause as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE";
    const error = tooLarge
      ? refuse(protocol, "tooLarge", `The request body is larger than ${limitBytes} bytes once decompressed.`)
      : refuse(protocol, "unparsable", "The body is not valid gzip.");
    error.cause = cause;
    throw error;
  }
}
