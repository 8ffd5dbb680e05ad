import { once } from "node:events";
import { request as httpRequest, type IncomingMessage } from "node:http";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { AttemptOutcome, BatchRequest } from "./attempt.ts";
import { KeptAnswer } from "./kept-answer.ts";

/**
 * Sends a body of unknown size once, in chunks as it is read, for MaxPayloadInMB 0.
 * @param address - `unix:PATH` or `tcp:HOST:PORT`.
 * @throws What the body throws, and the signal's reason once that is aborted.
 */
export async function streamedAttempt(
  address: string,
  { headers, timeoutMs, folder }: Omit<BatchRequest, "body">,
  body: Readable,
  signal: AbortSignal,
): Promise<AttemptOutcome> {
  const answer = new KeptAnswer(folder);
  const deadline = AbortSignal.timeout(timeoutMs);
  const fields: Record<string, string> = {};
  for (let i = 0; i + 1 < headers.length; i += 2) fields[headers[i] as string] = headers[i + 1] as string;
  const call = httpRequest({
    ...targetOf(address),
    ...{ method: "POST", path: "/invocations", headers: fields, agent: false },
    signal: AbortSignal.any([deadline, signal]),
  });
  // A server may answer, and close, before it has read everything.
  const answered = once(call, "response") as Promise<[IncomingMessage]>;
  let sourceError: unknown;
  body.once("error", (error) => (sourceError = error));
  const sent = pipeline(body, call).catch(() => undefined);
  try {
    const [response] = await answered;
    for await (const chunk of response) {
      if (answer.add(chunk as Buffer)) await answer.flush();
    }
    return { kind: "answered", status: response.statusCode ?? 0, answer };
  } catch (cause) {
    await answer.discard();
    if (sourceError !== undefined) throw sourceError;
    signal.throwIfAborted();
    if (deadline.aborted) return { kind: "timeout" };
    return { kind: "broken", cause: cause as Error, sawBytes: false };
  } finally {
    body.destroy();
    call.destroy();
    await sent;
  }
}

function targetOf(address: string): { socketPath: string } | { host: string; port: string } {
  if (address.startsWith("unix:")) return { socketPath: address.slice(5) };
  const { hostname, port } = new URL(`http://${address.replace(/^tcp:/u, "")}`);
  return { host: hostname.replace(/^\[|\]$/gu, ""), port };
}
