import type {
  DeleteMarkerEntry,
  ListMultipartUploadsOutput,
  ListMultipartUploadsRequest,
  ListObjectVersionsOutput,
  ListObjectVersionsRequest,
  MultipartUpload,
  ObjectVersion,
} from "@aws-sdk/client-s3";
import { isDeleteMarker } from "../../../objects/object-records.ts";
import { invalidArgument, openBucket, ownerOf, type S3Handler, storageOf } from "../access.ts";
import { commonPrefixes, isPrefix, keyWriter, nameOf, queryOf } from "./wire.ts";

export const listObjectVersions: S3Handler<ListObjectVersionsRequest, ListObjectVersionsOutput> = async (
  input,
  context,
) => {
  const bucket = await openBucket(input, context);
  const query = queryOf(input, input.MaxKeys, "max-keys");
  if (input.VersionIdMarker && !input.KeyMarker) {
    throw invalidArgument("A version-id marker cannot be specified without a key marker.");
  }
  const storage = storageOf(context);
  // The null version's place in the order is not in its id.
  const from = input.VersionIdMarker
    ? await storage.objects.find(bucket.name, input.KeyMarker as string, input.VersionIdMarker)
    : undefined;
  const order = from?.order ?? (input.VersionIdMarker === "null" ? undefined : input.VersionIdMarker);
  const { items, isTruncated } = await storage.listing.versions(query, input.KeyMarker, order);
  const write = keyWriter(input.EncodingType);
  const versions: ObjectVersion[] = [];
  const markers: DeleteMarkerEntry[] = [];
  for (const item of items) {
    if (isPrefix(item)) continue;
    const { key, version, isLatest } = item;
    const entry = {
      Key: write(key),
      VersionId: version.versionId,
      IsLatest: isLatest,
      LastModified: new Date(version.modifiedAt),
      Owner: ownerOf(bucket.owner),
    };
    if (isDeleteMarker(version)) markers.push(entry);
    else {
      const size = version.bytes.sizeBytes;
      versions.push({ ...entry, ETag: version.etag, Size: size, StorageClass: "STANDARD" });
    }
  }
  const last = items.at(-1);
  return {
    Name: bucket.name,
    Prefix: write(query.prefix),
    KeyMarker: write(input.KeyMarker ?? ""),
    VersionIdMarker: input.VersionIdMarker ?? "",
    MaxKeys: query.limit,
    IsTruncated: isTruncated,
    Versions: versions,
    DeleteMarkers: markers,
    CommonPrefixes: commonPrefixes(items, write),
    ...(input.Delimiter && { Delimiter: write(input.Delimiter) }),
    ...(input.EncodingType && { EncodingType: input.EncodingType }),
    ...(isTruncated &&
      last && {
        NextKeyMarker: write(nameOf(last)),
        ...(!isPrefix(last) && { NextVersionIdMarker: last.version.versionId }),
      }),
  };
};

export const listMultipartUploads: S3Handler<ListMultipartUploadsRequest, ListMultipartUploadsOutput> = async (
  input,
  context,
) => {
  const bucket = await openBucket(input, context);
  const query = queryOf(input, input.MaxUploads, "max-uploads");
  // An upload marker without a key marker says nothing: S3 ignores it.
  const uploadMarker = input.KeyMarker ? input.UploadIdMarker : undefined;
  const { items, isTruncated } = await storageOf(context).listing.uploads(query, input.KeyMarker, uploadMarker);
  const write = keyWriter(input.EncodingType);
  const uploads: MultipartUpload[] = [];
  for (const item of items) {
    if (isPrefix(item)) continue;
    const { key, upload } = item;
    uploads.push({
      Key: write(key),
      UploadId: upload.uploadId,
      Initiated: new Date(upload.initiatedAt),
      StorageClass: "STANDARD",
      Owner: ownerOf(bucket.owner),
      Initiator: ownerOf(upload.owner),
      ...(upload.checksumAlgorithm && { ChecksumAlgorithm: upload.checksumAlgorithm }),
      ...(upload.checksumType && { ChecksumType: upload.checksumType }),
    });
  }
  const last = items.at(-1);
  return {
    Bucket: bucket.name,
    KeyMarker: write(input.KeyMarker ?? ""),
    UploadIdMarker: input.UploadIdMarker ?? "",
    Prefix: write(query.prefix),
    MaxUploads: query.limit,
    IsTruncated: isTruncated,
    Uploads: uploads,
    CommonPrefixes: commonPrefixes(items, write),
    ...(input.Delimiter && { Delimiter: write(input.Delimiter) }),
    ...(input.EncodingType && { EncodingType: input.EncodingType }),
    ...(isTruncated &&
      last && {
        NextKeyMarker: write(nameOf(last)),
        NextUploadIdMarker: isPrefix(last) ? "" : last.upload.uploadId,
      }),
  };
};
