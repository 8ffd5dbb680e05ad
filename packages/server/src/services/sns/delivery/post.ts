import { lookup } from "node:dns";
import { type ClientRequest, request as httpRequest, type RequestOptions } from "node:http";
import { request as httpsRequest } from "node:https";
import { isIP, type LookupFunction } from "node:net";
import { forbiddenAddress, type NetworkPolicy } from "../../../network-policy.ts";
import { hostOf } from "../subscription/endpoint.ts";

/** SNS gives an endpoint 15 seconds. */
const timeoutMs = 15_000;
/** An answer's body means nothing here; one that is longer than this is cut off. */
const maxAnswerBytes = 64 * 1024;

/** What came of a request: a status, or why there is none. */
export type PostOutcome =
  | { readonly kind: "answered"; readonly status: number }
  | { readonly kind: "failed"; readonly reason: string };

/** One request to a subscriber. */
export interface Post {
  readonly endpoint: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly policy: NetworkPolicy;
  readonly signal: AbortSignal;
}

/**
 * Posts to a subscriber. Redirects are not followed, and no proxy is used: the address that was checked is the one that
 * is connected to, also when a name's addresses change in between. Never rejects.
 */
export async function post({ endpoint, headers, body, policy, signal }: Post): Promise<PostOutcome> {
  const url = new URL(endpoint);
  const host = hostOf(url);
  if (isIP(host) !== 0 && !policy.allows(host)) return { kind: "failed", reason: forbiddenAddress(host) };
  const options: RequestOptions = {
    ...{ method: "POST", agent: false, lookup: checkedLookup(policy) },
    signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
    headers: { ...headers, "content-length": Buffer.byteLength(body) },
    // A user and a password in an address are for basic authentication.
    ...(url.username !== "" && { auth: `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}` }),
  };
  const { origin, pathname, search } = url;
  try {
    const target = `${origin}${pathname}${search}`;
    const request = url.protocol === "https:" ? httpsRequest(target, options) : httpRequest(target, options);
    return { kind: "answered", status: await answerOf(request, body) };
  } catch (error) {
    const isTimeout =
      (error as Error).name === "TimeoutError" || (error as { cause?: Error }).cause?.name === "TimeoutError";
    return { kind: "failed", reason: isTimeout ? `no answer within ${timeoutMs / 1_000} s` : (error as Error).message };
  }
}

function answerOf(request: ClientRequest, body: string): Promise<number> {
  return new Promise((resolve, reject) => {
    request.once("error", reject);
    request.once("response", (response) => {
      let size = 0;
      response.on("data", (chunk: Buffer) => {
        size += chunk.length;
        if (size > maxAnswerBytes) response.destroy();
      });
      // The status has come: how its body ends changes nothing.
      response.once("error", () => {});
      response.once("close", () => resolve(response.statusCode ?? 0));
    });
    request.end(body);
  });
}

/** Resolves names to addresses that may be sent to. */
function checkedLookup(policy: NetworkPolicy): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, found) => {
      if (error) return callback(error, "");
      const allowed = found.filter(({ address }) => policy.allows(address));
      const [first] = allowed;
      if (first === undefined) {
        const addresses = found.map(({ address }) => address).join(", ");
        return callback(new Error(`${hostname}: ${forbiddenAddress(addresses)}`), "");
      }
      return options.all === true ? callback(null, allowed) : callback(null, first.address, first.family);
    });
  };
}
