import { GetObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { DescribeInferenceExperimentCommand, SageMakerClient } from "@aws-sdk/client-sagemaker";
import { ConfigurationError, parseCommandLine, readConfiguration } from "../configuration.ts";
import { clientConfiguration } from "./clients.ts";
import { CommandError } from "./command-error.ts";
import { placeOf } from "./comparison/s3-lines.ts";

/** `sagebrush experiment NAME`: how far an inference experiment is, and what it has shown. */
export async function run(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseCommandLine(args, { json: { type: "boolean" } });
  const [Name] = positionals;
  if (Name === undefined || positionals.length > 1) throw new ConfigurationError("name one inference experiment.");
  const client = clientConfiguration(readConfiguration(values).dataDirectory);
  const [sagemaker, s3] = [new SageMakerClient(client), new S3Client({ ...client, forcePathStyle: true })];
  try {
    const experiment = await sagemaker.send(new DescribeInferenceExperimentCommand({ Name }));
    const { Status, StatusReason, DataStorageConfig } = experiment;
    if (DataStorageConfig?.Destination === undefined) {
      throw new CommandError(`${Name} is ${Status}. It has no DataStorageConfig, and so no report.`);
    }
    const { bucket, prefix } = placeOf(DataStorageConfig.Destination);
    const file = values["json"] === "true" ? "report.json" : "report.md";
    const Key = [prefix, Name, file].filter((part) => part !== "").join("/");
    const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key }));
    process.stdout.write((await Body?.transformToString()) ?? "");
    if (StatusReason !== undefined && values["json"] !== "true") process.stdout.write(`\n${StatusReason}\n`);
    return 0;
  } catch (error) {
    const { name, message } = error as Error;
    if (name === "NoSuchKey")
      throw new CommandError(`${Name} has no report yet: it is written when requests are copied.`);
    if (name === "ResourceNotFound" || name === "NoSuchBucket") throw new CommandError(message);
    throw error;
  } finally {
    sagemaker.destroy();
    s3.destroy();
  }
}
