import { request } from "node:http";

/** How a job's objects become requests. */
export type BatchStrategy = "MultiRecord" | "SingleRecord";

/** What a container prefers, as far as it says. */
export interface ExecutionParameters {
  readonly maxConcurrentTransforms?: number;
  readonly batchStrategy?: BatchStrategy;
  readonly maxPayloadInMB?: number;
}

const timeoutMs = 2_000;
const maxBytes = 64 * 1024;
const strategies: Readonly<Record<string, BatchStrategy>> = {
  MULTI_RECORD: "MultiRecord",
  SINGLE_RECORD: "SingleRecord",
  MultiRecord: "MultiRecord",
  SingleRecord: "SingleRecord",
};

/**
 * Asks a container by `GET /execution-parameters`. Whatever is not an answer of the contract means that it has no
 * preference.
 * @param address - `unix:PATH` or `tcp:HOST:PORT`.
 */
export async function executionParameters(address: string): Promise<ExecutionParameters> {
  const text = await getText(address);
  if (text === undefined) return {};
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    // Many servers answer every path that they do not know with a page of theirs.
    return {};
  }
  if (typeof parsed !== "object" || parsed === null) return {};
  const { MaxConcurrentTransforms, BatchStrategy, MaxPayloadInMB } = parsed as Record<string, unknown>;
  const strategy = typeof BatchStrategy === "string" ? strategies[BatchStrategy] : undefined;
  return {
    ...(isWithin(MaxConcurrentTransforms, 1, 100) && { maxConcurrentTransforms: MaxConcurrentTransforms }),
    ...(strategy && { batchStrategy: strategy }),
    ...(isWithin(MaxPayloadInMB, 0, 100) && { maxPayloadInMB: MaxPayloadInMB }),
  };
}

function isWithin(value: unknown, least: number, most: number): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= least && value <= most;
}

/** @returns `undefined` for anything but a whole answer with status 200. */
function getText(address: string): Promise<string | undefined> {
  const target = address.startsWith("unix:")
    ? { socketPath: address.slice(5) }
    : { host: hostOf(address), port: new URL(urlOf(address)).port };
  return new Promise((resolve) => {
    const signal = AbortSignal.timeout(timeoutMs);
    const call = request({ ...target, path: "/execution-parameters", agent: false, signal }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        text += chunk;
        if (text.length > maxBytes) response.destroy();
      });
      response.on("close", () => resolve(response.complete && response.statusCode === 200 ? text : undefined));
    });
    call.on("error", () => resolve(undefined));
    call.end();
  });
}

function urlOf(address: string): string {
  return `http://${address.replace(/^tcp:/u, "")}`;
}

function hostOf(address: string): string {
  return new URL(urlOf(address)).hostname.replace(/^\[|\]$/gu, "");
}
