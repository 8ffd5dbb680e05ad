import { Xxh3_64, Xxh3_128, Xxh64 } from "@aws-sdk/checksums/xxh";
import { CreateBucketCommand, S3Client } from "@aws-sdk/client-s3";
import { startTestServer, type TestServer, type TestServerOptions } from "../../gateway/testkit.ts";
import { s3Service } from "./index.ts";

/** A started server with the official client pointed at it. */
export interface S3TestServer extends TestServer {
  readonly s3: S3Client;
  /** Makes a bucket with a name of its own. */
  bucket(): Promise<string>;
}

let buckets = 0;

/** Starts a server that speaks S3 only. */
export async function startS3(options: Partial<TestServerOptions> = {}): Promise<S3TestServer> {
  const server = await startTestServer({ services: [s3Service], ...options });
  // The client has these algorithms, but wants to be given them.
  const checksumAlgorithms = { XXHASH64: Xxh64, XXHASH3: Xxh3_64, XXHASH128: Xxh3_128 };
  const s3 = new S3Client({ ...server.client, forcePathStyle: true, checksumAlgorithms });
  return {
    ...server,
    s3,
    async bucket() {
      const Bucket = `bucket-${process.pid}-${++buckets}`;
      await s3.send(new CreateBucketCommand({ Bucket }));
      return Bucket;
    },
    async close() {
      s3.destroy();
      await server.close();
    },
  };
}
