import { afterAll, beforeAll, expect, test } from "vitest";
import { type JobChanges, TransformServer } from "./testkit/transform-server.ts";

let world: TransformServer;
beforeAll(async () => {
  world = await TransformServer.start();
  await world.put({ "in/a": "1" });
});
afterAll(() => world.close());

const input = (changes: object): JobChanges => ({ TransformInput: changes as never });
const from = (source: object): JobChanges =>
  input({ DataSource: { S3DataSource: { S3DataType: "S3Prefix", S3Uri: "s3://data/in/", ...source } } });
const to = (changes: object): JobChanges => ({
  TransformOutput: { S3OutputPath: "s3://data/out", AssembleWith: "Line", ...changes },
});

test.for<[string, JobChanges, RegExp]>([
  ["a model that is not there", { ModelName: "none" }, /^Could not find model "arn:.*model\/none"\.$/],
  [
    "no objects",
    from({ S3Uri: "s3://data/none/" }),
    /^No S3 objects found under S3 URL "s3:\/\/data\/none\/" given in input data source/,
  ],
  [
    "a bucket that is not there",
    from({ S3Uri: "s3://none/in" }),
    /^No S3 objects found under S3 URL "s3:\/\/none\/in"/,
  ],
  ["a manifest that is not there", from({ S3DataType: "ManifestFile", S3Uri: "s3://data/m" }), /^No S3 objects found/],
  [
    "an augmented manifest",
    from({ S3DataType: "AugmentedManifestFile" }),
    /AugmentedManifestFile is not for transform jobs/,
  ],
  [
    "an input that is not in S3",
    from({ S3Uri: "https://example.com/x" }),
    /S3Uri "https:\/\/example\.com\/x" is not an S3 URI|failed to satisfy constraint/,
  ],
  [
    "an output bucket that is not there",
    to({ S3OutputPath: "s3://none/out" }),
    /^The bucket none of TransformOutput\.S3OutputPath/,
  ],
  ["a key without a master key", to({ KmsKeyId: "alias/x" }), /^TransformOutput\.KmsKeyId: /],
  ["too many at once", { MaxConcurrentTransforms: 101 }, /^MaxConcurrentTransforms must be at most 100, got 101\.$/],
  ["too large a body", { MaxPayloadInMB: 101 }, /^MaxPayloadInMB must be at most 100, got 101\.$/],
  [
    "too much together",
    { MaxConcurrentTransforms: 20, MaxPayloadInMB: 6 },
    /must be at most 100 MB, got 20 \* 6 = 120\.$/,
  ],
  ["more retries than 3", { ModelClientConfig: { InvocationsMaxRetries: 4 } }, /InvocationsMaxRetries/i],
  ["a NUL in a variable", { Environment: { A: "\0" } }, /^Environment\.A must not hold a NUL character\.$/],
  [
    "ids without a join",
    { DataCaptureConfig: { DestinationS3Uri: "s3://data/c", GenerateInferenceId: true } },
    /GenerateInferenceId needs DataProcessing\.JoinSource Input/,
  ],
  [
    "a capture bucket that is not there",
    { DataCaptureConfig: { DestinationS3Uri: "s3://none/c" } },
    /^The bucket none of DataCaptureConfig/,
  ],
  [
    "no path",
    { DataProcessing: { InputFilter: "features" } },
    /^DataProcessing: InputFilter: Invalid JsonPath: features: a path begins with \$$/,
  ],
  [
    "a mixed path",
    { DataProcessing: { OutputFilter: "$[0,5:]" } },
    /only single range filters of format \(eg: \[1:5\]\) are supported$/,
  ],
  [
    "names of CSV columns",
    { DataProcessing: { InputFilter: "$.id" } },
    /InputFilter \$\.id does not select columns of CSV/,
  ],
  [
    "a format that has no records",
    { ...input({ ContentType: "text/libsvm" }), DataProcessing: { InputFilter: "$[1:]" } },
    /ContentType must be one of text\/csv, application\/json, application\/jsonlines, got text\/libsvm\.$/,
  ],
  [
    "a join without a type",
    { ...input({ ContentType: undefined }), DataProcessing: { JoinSource: "Input" } },
    /ContentType must be one of .*, got none\.$/,
  ],
  [
    "a join of two formats",
    { ...to({ Accept: "application/json" }), DataProcessing: { JoinSource: "Input" } },
    /^DataProcessing: JoinSource Input needs one format: ContentType is text\/csv, and Accept is application\/json\.$/,
  ],
  [
    "a join that is put together otherwise",
    { ...to({ AssembleWith: "None" }), DataProcessing: { JoinSource: "Input" } },
    /SplitType and AssembleWith must be the same, got Line and None\.$/,
  ],
  [
    "CSV that is not split",
    { ...input({ SplitType: "None" }), DataProcessing: { InputFilter: "$[1:]" } },
    /text\/csv needs SplitType Line, got None\.$/,
  ],
  [
    "records that are not lines",
    { ...input({ SplitType: "TFRecord" }), DataProcessing: { InputFilter: "$[1:]" } },
    /needs SplitType Line, got TFRecord\.$/,
  ],
])("%s is refused", async ([, changes, message]) => {
  await expect(world.create(changes)).rejects.toMatchObject({ name: "ValidationException", message });
});
