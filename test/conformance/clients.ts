import { S3Client } from "@aws-sdk/client-s3";
import { SageMakerClient } from "@aws-sdk/client-sagemaker";
import type { RunningServer } from "./server.ts";

/** The official clients of a server, with the keys that `sagebrush env` exports. */
export function clients({ url, environment }: RunningServer): { s3: S3Client; sagemaker: SageMakerClient } {
  const credentials = {
    accessKeyId: environment["AWS_ACCESS_KEY_ID"] as string,
    secretAccessKey: environment["AWS_SECRET_ACCESS_KEY"] as string,
  };
  const options = { endpoint: url, region: "us-east-1", credentials };
  return { s3: new S3Client({ ...options, forcePathStyle: true }), sagemaker: new SageMakerClient(options) };
}
