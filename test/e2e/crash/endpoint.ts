import { setTimeout as delay } from "node:timers/promises";
import { EndpointClient } from "../../../bench/support/endpoint.ts";
import { linearModelArchive } from "../../../bench/support/linear-model.ts";
import type { PlatformProcess } from "../../../bench/support/platform.ts";
import { SignedClient } from "../../../bench/support/signed-client.ts";

const name = "crash-endpoint";
const features = 4;
/** A restarted server is given this long to answer for its endpoint. */
const patienceMs = 30_000;

/** Brings up the endpoint that must answer again after every kill. */
export async function deploy(platform: PlatformProcess): Promise<void> {
  const client = new EndpointClient(platform);
  await client.configure(name, await linearModelArchive(features));
  await client.start(name);
  client.close();
}

/**
 * Invokes the endpoint until it answers.
 * @returns Seconds it took, or what it said last when it did not answer in time.
 */
export async function invokeAgain({ url, credentials }: PlatformProcess): Promise<number | string> {
  const client = new SignedClient({ url, credentials, service: "sagemaker" });
  const started = performance.now();
  try {
    for (;;) {
      const headers = { "content-type": "text/csv" };
      const { status, body } = await client.send("POST", `/endpoints/${name}/invocations`, "1,2,3,4", headers);
      const seconds = (performance.now() - started) / 1000;
      if (status === 200) return seconds;
      if (seconds * 1000 > patienceMs) return `The endpoint answers ${status}: ${body}`;
      await delay(20);
    }
  } finally {
    client.close();
  }
}
