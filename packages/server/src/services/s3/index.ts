import type { Service } from "../service.ts";
import { getBucketAcl, getObjectAcl, putBucketAcl, putObjectAcl } from "./acl.ts";
import { deleteBucket, getBucketLocation, headBucket, listBuckets } from "./bucket/buckets.ts";
import { createBucket } from "./bucket/create.ts";
import { settingOperations } from "./bucket/settings.ts";
import { corsRules, getBucketPolicyStatus, getBucketVersioning, putBucketVersioning } from "./bucket/versioning.ts";
import { listObjects, listObjectsV2 } from "./listing/objects.ts";
import { listMultipartUploads, listObjectVersions } from "./listing/versions.ts";
import { uploadPart, uploadPartCopy } from "./multipart/parts.ts";
import {
  abortMultipartUpload,
  completeMultipartUpload,
  createMultipartUpload,
  listParts,
} from "./multipart/uploads.ts";
import { copyObject } from "./object/copy.ts";
import { deleteObject, deleteObjects } from "./object/delete.ts";
import { getObject, headObject } from "./object/get.ts";
import { getObjectAttributes } from "./object/get-attributes.ts";
import { postObject } from "./object/post.ts";
import { putObject } from "./object/put.ts";
import { deleteObjectTagging, getObjectTagging, putObjectTagging } from "./object/tagging.ts";

/** S3 over the object catalogue. Operations that carry bytes stream; the others are plain input and output. */
export const s3Service: Service = {
  name: "s3",
  signingNames: ["s3"],
  protocol: "rest-xml",
  operations: {
    AbortMultipartUpload: abortMultipartUpload,
    CompleteMultipartUpload: completeMultipartUpload,
    CopyObject: copyObject,
    CreateBucket: createBucket,
    CreateMultipartUpload: createMultipartUpload,
    DeleteBucket: deleteBucket,
    DeleteObject: deleteObject,
    DeleteObjects: deleteObjects,
    DeleteObjectTagging: deleteObjectTagging,
    GetBucketAcl: getBucketAcl,
    GetBucketLocation: getBucketLocation,
    GetBucketPolicyStatus: getBucketPolicyStatus,
    GetBucketVersioning: getBucketVersioning,
    GetObjectAcl: getObjectAcl,
    GetObjectAttributes: getObjectAttributes,
    GetObjectTagging: getObjectTagging,
    HeadBucket: headBucket,
    ListBuckets: listBuckets,
    ListMultipartUploads: listMultipartUploads,
    ListObjects: listObjects,
    ListObjectsV2: listObjectsV2,
    ListObjectVersions: listObjectVersions,
    ListParts: listParts,
    PutBucketAcl: putBucketAcl,
    PutBucketVersioning: putBucketVersioning,
    PutObjectAcl: putObjectAcl,
    PutObjectTagging: putObjectTagging,
    UploadPartCopy: uploadPartCopy,
    ...settingOperations,
  },
  streamOperations: {
    GetObject: getObject,
    HeadObject: headObject,
    PostObject: postObject,
    PutObject: putObject,
    UploadPart: uploadPart,
  },
  corsRules,
};
