import { isIP } from "node:net";
import { forbiddenAddress, type NetworkPolicy } from "../../../network-policy.ts";
import { invalidParameter } from "../errors.ts";

/** Longest endpoint, in characters. */
const maxLength = 2_048;

const visible = /^[!-~]+$/u;

/**
 * Checks where a subscription wants its messages. A host name's addresses are looked at when something is sent, each time.
 * @throws ServiceError InvalidParameter.
 */
export function checkEndpoint(protocol: string, endpoint: string | undefined, policy: NetworkPolicy): void {
  if (protocol !== "http" && protocol !== "https") {
    throw invalidParameter(`Protocol Reason: this version delivers by http and https, not by ${protocol}`);
  }
  // A URL is read without the line breaks in it: what is kept and shown would be another address than what is sent to.
  if (endpoint === undefined || endpoint.length > maxLength || !visible.test(endpoint) || !URL.canParse(endpoint)) {
    throw invalidParameter(`${protocol.toUpperCase()} Endpoint`);
  }
  const url = new URL(endpoint);
  if (url.protocol !== `${protocol}:`) throw invalidParameter("Endpoint must match the specified protocol");
  const host = hostOf(url);
  if (isIP(host) !== 0 && !policy.allows(host)) throw invalidParameter(`Endpoint Reason: ${forbiddenAddress(host)}`);
}

/** A URL's host as sockets take it: IPv6 without brackets. */
export function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/gu, "");
}

/** An endpoint as people see it: without its password. */
export function shownEndpoint(endpoint: string): string {
  return endpoint.replace(/^(https?:\/\/[^/?#@:]*):[^/?#@]*@/u, "$1:****@");
}
