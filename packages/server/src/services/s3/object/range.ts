import { ServiceError } from "../../../errors.ts";
import type { ByteRange } from "../../../objects/bytes/byte-store.ts";

/**
 * The bytes that a Range header asks for. RFC 9110: a header that is not understood is ignored, and so are several
 * ranges at once, which S3 does not serve.
 * @returns `undefined` for the whole object.
 * @throws ServiceError `InvalidRange` when nothing of the object is in the range.
 */
export function parseRange(header: string | undefined, sizeBytes: number): ByteRange | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header?.trim() ?? "");
  if (!match || (match[1] === "" && match[2] === "")) return undefined;
  const [, first = "", last = ""] = match;
  if (first === "") {
    const length = Math.min(Number(last), sizeBytes);
    if (length === 0) throw invalidRange(header as string, sizeBytes);
    return { start: sizeBytes - length, end: sizeBytes - 1 };
  }
  const start = Number(first);
  if (last !== "" && Number(last) < start) return undefined;
  if (start >= sizeBytes) throw invalidRange(header as string, sizeBytes);
  return { start, end: last === "" ? sizeBytes - 1 : Math.min(Number(last), sizeBytes - 1) };
}

function invalidRange(requested: string, sizeBytes: number): ServiceError {
  return new ServiceError("InvalidRange", "The requested range is not satisfiable", {
    status: 416,
    members: { RangeRequested: requested, ActualObjectSize: sizeBytes },
    headers: { "Content-Range": `bytes */${sizeBytes}` },
  });
}

/** The object has no part of this number. */
export function invalidPartNumber(requested: number, parts: number): ServiceError {
  return new ServiceError("InvalidPartNumber", "The requested partnumber is not satisfiable", {
    status: 416,
    members: { PartNumberRequested: requested, ActualPartCount: parts },
  });
}
