import { ServiceError } from "../errors.ts";

/** Errors of the catalogue, in S3's codes and words. */

export function noSuchBucket(bucket: string): ServiceError {
  return new ServiceError("NoSuchBucket", "The specified bucket does not exist", {
    status: 404,
    members: { BucketName: bucket },
  });
}

export function noSuchKey(key: string, headers?: Record<string, string>): ServiceError {
  return new ServiceError("NoSuchKey", "The specified key does not exist.", {
    status: 404,
    members: { Key: key },
    ...(headers && { headers }),
  });
}

export function noSuchVersion(key: string, versionId: string): ServiceError {
  return new ServiceError("NoSuchVersion", "The specified version does not exist.", {
    status: 404,
    members: { Key: key, VersionId: versionId },
  });
}

export function noSuchUpload(uploadId: string): ServiceError {
  return new ServiceError(
    "NoSuchUpload",
    "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.",
    { status: 404, members: { UploadId: uploadId } },
  );
}

/** @param condition - The header or member that did not hold. */
export function preconditionFailed(condition: string): ServiceError {
  return new ServiceError("PreconditionFailed", "At least one of the pre-conditions you specified did not hold", {
    status: 412,
    members: { Condition: condition },
  });
}

/** A version id named a delete marker, which has nothing to read. */
export function markerNotAllowed(headers: Record<string, string>): ServiceError {
  return new ServiceError("MethodNotAllowed", "The specified method is not allowed against this resource.", {
    status: 405,
    members: { Method: "GET", ResourceType: "DeleteMarker" },
    headers: { ...headers, Allow: "DELETE" },
  });
}
