import type {
  BucketLocationConstraint,
  Bucket as BucketShape,
  DeleteBucketRequest,
  GetBucketLocationOutput,
  GetBucketLocationRequest,
  HeadBucketOutput,
  HeadBucketRequest,
  ListBucketsOutput,
  ListBucketsRequest,
} from "@aws-sdk/client-s3";
import { invalidArgument, openBucket, ownerOf, type S3Handler, storageOf } from "../access.ts";
import { readToken, writeToken } from "../listing/token.ts";

export const headBucket: S3Handler<HeadBucketRequest, HeadBucketOutput> = async (input, context) => {
  const { region, name } = await openBucket(input, context);
  return {
    BucketRegion: region,
    BucketArn: `arn:${context.scope.partition}:s3:::${name}`,
    AccessPointAlias: false,
  };
};

export const deleteBucket: S3Handler<DeleteBucketRequest, Record<string, never>> = async (input, context) => {
  const { name } = await openBucket(input, context);
  await storageOf(context).buckets.remove(name);
  return {};
};

/** us-east-1 is the absence of a constraint. */
export const getBucketLocation: S3Handler<GetBucketLocationRequest, GetBucketLocationOutput> = async (
  input,
  context,
) => {
  const { region } = await openBucket(input, context);
  return region === "us-east-1" ? {} : { LocationConstraint: region as BucketLocationConstraint };
};

export const listBuckets: S3Handler<ListBucketsRequest, ListBucketsOutput> = async (input, context) => {
  const most = input.MaxBuckets ?? 10_000;
  if (most < 1 || most > 10_000) throw invalidArgument("MaxBuckets must be between 1 and 10000.");
  const after = input.ContinuationToken ? readToken(input.ContinuationToken)[0] : undefined;
  const found: BucketShape[] = [];
  let next: string | undefined;
  const prefix = input.Prefix ?? "";
  const walk = storageOf(context).buckets.list(context.scope.account, { prefix, ...(after && { after }) });
  for await (const bucket of walk) {
    if (input.BucketRegion && bucket.region !== input.BucketRegion) continue;
    if (found.length === most) {
      next = writeToken(found.at(-1)?.Name as string);
      break;
    }
    found.push({ Name: bucket.name, CreationDate: new Date(bucket.createdAt), BucketRegion: bucket.region });
  }
  return {
    Buckets: found,
    Owner: ownerOf(context.scope.account),
    ...(next && { ContinuationToken: next }),
    ...(input.Prefix && { Prefix: input.Prefix }),
  };
};
