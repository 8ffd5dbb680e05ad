import type {
  ListObjectsOutput,
  ListObjectsRequest,
  ListObjectsV2Output,
  ListObjectsV2Request,
} from "@aws-sdk/client-s3";
import { openBucket, type S3Handler, storageOf } from "../access.ts";
import { readToken, writeToken } from "./token.ts";
import { commonPrefixes, contents, isPrefix, keyWriter, nameOf, queryOf } from "./wire.ts";

export const listObjectsV2: S3Handler<ListObjectsV2Request, ListObjectsV2Output> = async (input, context) => {
  const bucket = await openBucket(input, context);
  const query = queryOf(input, input.MaxKeys, "max-keys");
  const after = input.ContinuationToken ? readToken(input.ContinuationToken)[0] : input.StartAfter;
  const { items, isTruncated } = await storageOf(context).listing.objects(query, after);
  const write = keyWriter(input.EncodingType);
  const last = items.at(-1);
  return {
    Name: bucket.name,
    Prefix: write(query.prefix),
    MaxKeys: query.limit,
    KeyCount: items.length,
    IsTruncated: isTruncated,
    Contents: contents(items, write, input.FetchOwner ? bucket.owner : undefined),
    CommonPrefixes: commonPrefixes(items, write),
    ...(input.Delimiter && { Delimiter: write(input.Delimiter) }),
    ...(input.EncodingType && { EncodingType: input.EncodingType }),
    ...(input.ContinuationToken && { ContinuationToken: input.ContinuationToken }),
    ...(input.StartAfter && { StartAfter: write(input.StartAfter) }),
    ...(isTruncated && last && { NextContinuationToken: writeToken(nameOf(last)) }),
  };
};

export const listObjects: S3Handler<ListObjectsRequest, ListObjectsOutput> = async (input, context) => {
  const bucket = await openBucket(input, context);
  const query = queryOf(input, input.MaxKeys, "max-keys");
  const { items, isTruncated } = await storageOf(context).listing.objects(query, input.Marker);
  const write = keyWriter(input.EncodingType);
  const last = items.at(-1);
  return {
    Name: bucket.name,
    Prefix: write(query.prefix),
    Marker: write(input.Marker ?? ""),
    MaxKeys: query.limit,
    IsTruncated: isTruncated,
    Contents: contents(items, write, bucket.owner),
    CommonPrefixes: commonPrefixes(items, write),
    ...(input.Delimiter && { Delimiter: write(input.Delimiter) }),
    ...(input.EncodingType && { EncodingType: input.EncodingType }),
    // S3 gives it only where keys are rolled up; without a delimiter the last key is the marker.
    ...(isTruncated && last && (query.delimiter !== "" || isPrefix(last)) && { NextMarker: write(nameOf(last)) }),
  };
};
