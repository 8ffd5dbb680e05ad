import { createHash, timingSafeEqual } from "node:crypto";
import type { Clock } from "../../../clock.ts";
import type { RegistryPlace } from "../../../registry/registry-records.ts";
import type { RegistryTokens } from "../registry-tokens.ts";

/** Tells whose registry an `Authorization` header opens; `undefined` where it opens none. */
export type Admit = (authorization: string | undefined) => RegistryPlace | undefined;

/**
 * Takes the user `AWS` with a token of GetAuthorizationToken, which names account and region, and the server's own access
 * key as user with its secret, which stand for the configured ones. Under `--auth open` anything else is the configured
 * account's too, and an access key of twelve digits names an account, as everywhere.
 */
export function basicAuthentication({
  tokens,
  root,
  configuration,
  clock,
}: {
  tokens: RegistryTokens;
  root: { readonly accessKeyId: string; readonly secretAccessKey: string };
  configuration: { readonly account: string; readonly region: string; readonly auth: "required" | "open" };
  clock: Clock;
}): Admit {
  const { account, region } = configuration;
  return (authorization) => {
    const [user, password] = readBasic(authorization) ?? [];
    if (user === "AWS" && password !== undefined) {
      const granted = tokens.open(password, clock.now());
      if (granted) return granted;
    }
    if (user === root.accessKeyId && password !== undefined && isSame(password, root.secretAccessKey)) {
      return { account, region };
    }
    if (configuration.auth !== "open") return undefined;
    return { account: user !== undefined && /^\d{12}$/.test(user) ? user : account, region };
  };
}

function readBasic(authorization: string | undefined): [user: string, password: string] | undefined {
  const match = /^basic\s+([A-Za-z0-9+/=_-]+)\s*$/i.exec(authorization ?? "");
  if (!match) return undefined;
  const text = Buffer.from(match[1] as string, "base64").toString("utf8");
  const colon = text.indexOf(":");
  return colon < 0 ? undefined : [text.slice(0, colon), text.slice(colon + 1)];
}

/** Compares in a time that tells nothing about where two secrets differ. */
function isSame(a: string, b: string): boolean {
  return timingSafeEqual(createHash("sha256").update(a).digest(), createHash("sha256").update(b).digest());
}
