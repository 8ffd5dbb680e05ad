import { createCipheriv, createDecipheriv, createSecretKey, hkdfSync, type KeyObject, randomBytes } from "node:crypto";
import type { Principal } from "../services/service.ts";

/** What temporary credentials stand for. */
export interface Session {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Twelve digits. */
  readonly account: string;
  /** `arn:aws:sts::ACCOUNT:assumed-role/ROLE/NAME`. */
  readonly arn: string;
  /** `AROA…:NAME`. */
  readonly userId: string;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
  readonly tags?: NonNullable<Principal["sessionTags"]>;
}

/** The key that seals session tokens. They end when the secret is replaced. */
export function tokenKey(secret: string): KeyObject {
  return createSecretKey(Buffer.from(hkdfSync("sha256", secret, "", "sagebrush session tokens 1", 32)));
}

const ivBytes = 12;
const tagBytes = 16;

/** The session as text that only the holder of `key` can read or make (AES-256-GCM). */
export function sealToken(key: KeyObject, session: Session): string {
  const iv = randomBytes(ivBytes);
  const cipher = createCipheriv("aes-256-gcm", key, iv);
  const { accessKeyId, secretAccessKey, account, arn, userId, expiresAt, tags = [] } = session;
  const text = JSON.stringify([accessKeyId, secretAccessKey, account, arn, userId, expiresAt, tags]);
  const sealed = Buffer.concat([cipher.update(text, "utf8"), cipher.final()]);
  return Buffer.concat([iv, cipher.getAuthTag(), sealed]).toString("base64");
}

/** The session in a token; `undefined` when it is not one of ours or was changed. */
export function openToken(key: KeyObject, token: string): Session | undefined {
  const bytes = Buffer.from(token, "base64");
  if (bytes.length <= ivBytes + tagBytes) return undefined;
  const decipher = createDecipheriv("aes-256-gcm", key, bytes.subarray(0, ivBytes), { authTagLength: tagBytes });
  decipher.setAuthTag(bytes.subarray(ivBytes, ivBytes + tagBytes));
  try {
    const text = Buffer.concat([decipher.update(bytes.subarray(ivBytes + tagBytes)), decipher.final()]).toString(
      "utf8",
    );
    // Tokens of older versions have no tags.
    const [accessKeyId, secretAccessKey, account, arn, userId, expiresAt, tags = []] = JSON.parse(text);
    return { accessKeyId, secretAccessKey, account, arn, userId, expiresAt, ...(tags.length > 0 && { tags }) };
  } catch {
    // Not sealed with our key: the caller hears that the token is invalid.
    return undefined;
  }
}
