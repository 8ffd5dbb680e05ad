import type { _Object, ChecksumAlgorithm, CommonPrefix, EncodingType, ObjectStorageClass } from "@aws-sdk/client-s3";
import type { ListedObject, ListingItem, ListingQuery } from "../../../objects/listing.ts";
import { invalidArgument, ownerOf } from "../access.ts";

/** Keys on a page at most; asking for more gives this many. */
const LARGEST_PAGE = 1000;

interface PageInput {
  readonly Bucket?: string | undefined;
  readonly Prefix?: string | undefined;
  readonly Delimiter?: string | undefined;
  readonly EncodingType?: EncodingType | undefined;
}

/** The catalogue's query for an input. @throws ServiceError `InvalidArgument`. */
export function queryOf(input: PageInput, limit: number | undefined, limitName: string): ListingQuery {
  if (limit !== undefined && limit < 0) {
    throw invalidArgument(`Argument ${limitName} must be an integer between 0 and 2147483647`, {
      ArgumentName: limitName,
      ArgumentValue: String(limit),
    });
  }
  if (input.EncodingType !== undefined && input.EncodingType !== "url") {
    throw invalidArgument("Invalid Encoding Method specified in Request", { ArgumentName: "encoding-type" });
  }
  return {
    bucket: input.Bucket as string,
    prefix: input.Prefix ?? "",
    delimiter: input.Delimiter ?? "",
    limit: Math.min(limit ?? LARGEST_PAGE, LARGEST_PAGE),
  };
}

/**
 * How keys are written in an answer: as they are, or percent-encoded where the caller asked for it, because XML 1.0
 * cannot hold every character that a key may have. Spaces become %20, which decoders with and without `+` read alike.
 */
export function keyWriter(encoding: EncodingType | undefined): (text: string) => string {
  if (encoding !== "url") return (text) => text;
  return (text) => encodeURIComponent(text).replaceAll("%2F", "/");
}

export function isPrefix<Entry extends object>(item: ListingItem<Entry>): item is { readonly prefix: string } {
  return "prefix" in item;
}

export function commonPrefixes<Entry extends object>(
  items: readonly ListingItem<Entry>[],
  write: (text: string) => string,
): CommonPrefix[] {
  return items.filter(isPrefix).map((item) => ({ Prefix: write(item.prefix) }));
}

/** Key or common prefix that an item stands for. */
export function nameOf(item: ListingItem<{ readonly key: string }>): string {
  return isPrefix(item) ? item.prefix : item.key;
}

export function contents(
  items: readonly ListingItem<ListedObject>[],
  write: (text: string) => string,
  owner: string | undefined,
): _Object[] {
  const found: _Object[] = [];
  for (const item of items) {
    if (isPrefix(item)) continue;
    const { etag, modifiedAt, bytes, checksum, attributes } = item.version;
    found.push({
      Key: write(item.key),
      LastModified: new Date(modifiedAt),
      ETag: etag,
      Size: bytes.sizeBytes,
      StorageClass: (attributes.storageClass ?? "STANDARD") as ObjectStorageClass,
      ...(checksum && { ChecksumAlgorithm: [checksum.algorithm as ChecksumAlgorithm], ChecksumType: checksum.type }),
      ...(owner !== undefined && { Owner: ownerOf(owner) }),
    });
  }
  return found;
}
