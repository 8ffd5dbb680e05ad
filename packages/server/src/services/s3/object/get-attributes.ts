import type {
  GetObjectAttributesOutput,
  GetObjectAttributesParts,
  GetObjectAttributesRequest,
  StorageClass,
} from "@aws-sdk/client-s3";
import type { ObjectVersion, PartSummary } from "../../../objects/object-records.ts";
import { invalidArgument, openBucket, type S3Handler, storageOf } from "../access.ts";
import { checksumMembers, checksumOutput } from "./checksum-claim.ts";

const LARGEST_PAGE = 1000;

/** Answers only the attributes asked for; absent ones are left out. */
export const getObjectAttributes: S3Handler<GetObjectAttributesRequest, GetObjectAttributesOutput> = async (
  input,
  context,
) => {
  const bucket = await openBucket(input, context);
  const storage = storageOf(context);
  const version = await storage.objects.get(bucket.name, input.Key as string, input.VersionId);
  // The header's list reaches us as one text or as its items, by client.
  const asked = new Set((input.ObjectAttributes ?? []).flatMap((name) => name.split(",").map((part) => part.trim())));
  if (asked.size === 0) throw invalidArgument("x-amz-object-attributes must name at least one attribute.");
  const parts =
    asked.has("ObjectParts") && version.partCount !== undefined
      ? await storage.bytes.parts(version.bytes.id)
      : undefined;
  return {
    LastModified: new Date(version.modifiedAt),
    ...(bucket.versioning && { VersionId: version.versionId }),
    ...(asked.has("ETag") && { ETag: version.etag.replaceAll('"', "") }),
    ...(asked.has("Checksum") && version.checksum && { Checksum: checksumOutput(version.checksum) }),
    ...(asked.has("StorageClass") && { StorageClass: (version.attributes.storageClass ?? "STANDARD") as StorageClass }),
    ...(asked.has("ObjectSize") && { ObjectSize: version.bytes.sizeBytes }),
    ...(parts && { ObjectParts: partsPage(input, version, parts) }),
  };
};

function partsPage(
  input: GetObjectAttributesRequest,
  version: ObjectVersion,
  parts: readonly PartSummary[],
): GetObjectAttributesParts {
  const limit = Math.min(input.MaxParts ?? LARGEST_PAGE, LARGEST_PAGE);
  const after = Number(input.PartNumberMarker ?? 0);
  const rest = parts.map((part, at) => ({ ...part, partNumber: at + 1 })).filter((part) => part.partNumber > after);
  const page = rest.slice(0, limit);
  const { checksum } = version;
  return {
    TotalPartsCount: parts.length,
    PartNumberMarker: String(after),
    MaxParts: limit,
    IsTruncated: rest.length > limit,
    ...(rest.length > limit && { NextPartNumberMarker: String(page.at(-1)?.partNumber) }),
    // S3 lists the parts only where they have checksums of their own.
    ...(checksum && {
      Parts: page.map((part) => ({
        PartNumber: part.partNumber,
        Size: part.sizeBytes,
        ...(part.checksum && { [checksumMembers[checksum.algorithm]]: part.checksum }),
      })),
    }),
  };
}
