import { createHmac, createSecretKey, hkdfSync, timingSafeEqual } from "node:crypto";
import type { RegistryPlace } from "../../registry/registry-records.ts";

/** As long as ECR's. */
export const TOKEN_LIFE_MS = 12 * 3600_000;

/** What a token opens, and until when (milliseconds since 1970). */
interface Grant extends RegistryPlace {
  readonly expiresAt: number;
}

/**
 * The passwords that go with the user name `AWS`. They need no storage: a token says what it opens, under a seal.
 * A token for another purpose than the whole registry (one blob's address) is good for that alone.
 */
export interface RegistryTokens {
  issue(grant: Grant, purpose?: string): string;
  /** @returns `undefined` for what is not ours, was changed, is over or has another purpose. */
  open(token: string, now: number, purpose?: string): RegistryPlace | undefined;
}

/** The purpose of a token in the address of one blob. */
export function blobPurpose(repositoryName: string, digest: string): string {
  return `blob ${repositoryName}@${digest}`;
}

/** Tokens under the server's secret; they end when it is replaced. */
export function registryTokens(secret: string): RegistryTokens {
  const key = createSecretKey(Buffer.from(hkdfSync("sha256", secret, "", "sagebrush registry tokens 1", 32)));
  const seal = (text: string, purpose: string): Buffer =>
    createHmac("sha256", key).update(`${purpose}\0${text}`).digest();
  return {
    issue({ account, region, expiresAt }, purpose = "registry") {
      const text = Buffer.from(JSON.stringify([account, region, expiresAt])).toString("base64url");
      return `${text}.${seal(text, purpose).toString("base64url")}`;
    },
    open(token, now, purpose = "registry") {
      const [text = "", sealed = ""] = token.split(".");
      const given = Buffer.from(sealed, "base64url");
      const expected = seal(text, purpose);
      if (given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined;
      const [account, region, expiresAt] = JSON.parse(Buffer.from(text, "base64url").toString("utf8")) as [
        string,
        string,
        number,
      ];
      return expiresAt > now ? { account, region } : undefined;
    },
  };
}
