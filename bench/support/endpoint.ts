import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { PlatformProcess } from "./platform.ts";
import { SignedClient } from "./signed-client.ts";

const account = "000000000000";
const bucket = "bench-endpoint";
const variantName = "AllTraffic";

/** Deploys models of built-in algorithms on a platform through its API. */
export class EndpointClient {
  readonly #sagemaker: SignedClient;
  readonly #s3: SignedClient;

  constructor({ url, credentials }: PlatformProcess) {
    this.#sagemaker = new SignedClient({ url, credentials, service: "sagemaker" });
    this.#s3 = new SignedClient({ url, credentials, service: "s3" });
  }

  /** Uploads an artifact and creates a model and a configuration of that name. */
  async configure(
    name: string,
    archive: Buffer,
    { image = "linear-learner", captures = false }: { image?: string; captures?: boolean } = {},
  ): Promise<void> {
    const unsigned = { "x-amz-content-sha256": "UNSIGNED-PAYLOAD" };
    await this.#s3.send("PUT", `/${bucket}`, "", unsigned);
    ok(await this.#s3.send("PUT", `/${bucket}/${name}.tar.gz`, archive, unsigned));
    await this.#call("CreateModel", {
      ModelName: name,
      ExecutionRoleArn: `arn:aws:iam::${account}:role/service-role/SagebrushExecutionRole`,
      PrimaryContainer: { Image: image, ModelDataUrl: `s3://${bucket}/${name}.tar.gz` },
    });
    const variant = { VariantName: variantName, ModelName: name, InstanceType: "ml.m5.large", InitialInstanceCount: 1 };
    await this.#call("CreateEndpointConfig", {
      EndpointConfigName: name,
      ProductionVariants: [variant],
      ...(captures && {
        DataCaptureConfig: {
          ...{ EnableCapture: true, InitialSamplingPercentage: 100, DestinationS3Uri: `s3://${bucket}/captured` },
          CaptureOptions: [{ CaptureMode: "Input" }, { CaptureMode: "Output" }],
        },
      }),
    });
  }

  /** Creates the endpoint of that name and waits for it. @returns Milliseconds from the call to InService. */
  async start(name: string): Promise<number> {
    const startedAt = performance.now();
    await this.#call("CreateEndpoint", { EndpointName: name, EndpointConfigName: name });
    for (;;) {
      const described = await this.#call("DescribeEndpoint", { EndpointName: name });
      if (described["EndpointStatus"] === "InService") return performance.now() - startedAt;
      if (described["EndpointStatus"] === "Failed") throw new Error(String(described["FailureReason"]));
      // A fraction of what is measured, so that the polling adds little to it and takes little from it.
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  /** Deletes the endpoint of that name and waits until it is gone. */
  async remove(name: string): Promise<void> {
    await this.#call("DeleteEndpoint", { EndpointName: name });
    for (;;) {
      const answer = await this.#sagemaker.json("SageMaker.DescribeEndpoint", { EndpointName: name });
      if (answer.status === 400) return;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  close(): void {
    this.#sagemaker.close();
    this.#s3.close();
  }

  async #call(operation: string, input: object): Promise<Record<string, unknown>> {
    const answer = ok(await this.#sagemaker.json(`SageMaker.${operation}`, input));
    return answer.body === "" ? {} : (JSON.parse(answer.body) as Record<string, unknown>);
  }
}

function ok<Answer extends { status: number; body: string }>(answer: Answer): Answer {
  if (answer.status >= 300) throw new Error(`The server answered ${answer.status}: ${answer.body}`);
  return answer;
}

/** The socket of the one model server, in the engine's folder for sockets. */
export function modelSocket(dataDirectory: string): string {
  const sockets = join(dataDirectory, "engine", "s");
  const [run] = readdirSync(sockets);
  if (run === undefined) throw new Error(`No model server has a socket in ${sockets}.`);
  return join(sockets, run, "s");
}
