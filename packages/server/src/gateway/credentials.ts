import { randomBytes } from "node:crypto";
import { closeSync, fsyncSync, linkSync, openSync, readFileSync, unlinkSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";
import { invariant } from "../errors.ts";
import { limits } from "./limits.ts";
import { Lru } from "./lru.ts";
import { openToken, type Session, sealToken, tokenKey } from "./session-tokens.ts";

/** A key pair, and whose it is. */
export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Set for those of a session. */
  readonly session?: Session;
}

/** Why a lookup found nothing. */
type LookupFailure = "unknownKey" | "invalidToken" | "expiredToken";

/** Which credentials the server accepts. */
export interface CredentialStore {
  /** The long-lived key pair, for `sagebrush env`. */
  readonly root: Credentials;
  lookup(accessKeyId: string, sessionToken: string | undefined, now: number): Credentials | LookupFailure;
  /** Makes credentials that end at `expiresAt` (milliseconds since 1970). */
  createSession(session: Omit<Session, "accessKeyId" | "secretAccessKey">): Session & { readonly token: string };
}

/**
 * Reads the key pair of `file`, or makes one on the first start (mode 0600, complete or not there at all).
 * Sessions need no storage: their token is the session itself, sealed with a key derived from the secret.
 */
export function openCredentials(file: string): CredentialStore {
  return credentialStore(readPair(file) ?? createPair(file));
}

/** A store for one key pair that is already known. */
export function credentialStore(root: Credentials): CredentialStore {
  const key = tokenKey(root.secretAccessKey);
  const opened = new Lru<string, Session>(limits.sessions);
  const sessionOf = (token: string): Session | undefined => {
    const known = opened.get(token);
    if (known) return known;
    const session = openToken(key, token);
    if (session) opened.set(token, session);
    return session;
  };
  return {
    root,
    lookup(accessKeyId, sessionToken, now) {
      if (sessionToken === undefined) return accessKeyId === root.accessKeyId ? root : "unknownKey";
      const session = sessionOf(sessionToken);
      if (!session || session.accessKeyId !== accessKeyId) return "invalidToken";
      if (session.expiresAt <= now) return "expiredToken";
      return { accessKeyId, secretAccessKey: session.secretAccessKey, session };
    },
    createSession(session) {
      const whole = { ...session, ...newPair("ASIA") };
      return { ...whole, token: sealToken(key, whole) };
    },
  };
}

/** A fresh key pair of AWS's form: 20 characters, and 40 of base64. */
export function newPair(prefix: "AKIA" | "ASIA"): { accessKeyId: string; secretAccessKey: string } {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  const tail = Array.from(randomBytes(16), (byte) => alphabet[byte & 31]).join("");
  return { accessKeyId: `${prefix}${tail}`, secretAccessKey: randomBytes(30).toString("base64") };
}

function readPair(file: string): Credentials | undefined {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  const { accessKeyId, secretAccessKey } = JSON.parse(text) as Record<string, unknown>;
  invariant(typeof accessKeyId === "string" && typeof secretAccessKey === "string", `${file} holds a key pair`);
  return { accessKeyId, secretAccessKey };
}

function createPair(file: string): Credentials {
  const pair = newPair("AKIA");
  const draft = join(dirname(file), `.credentials-${process.pid}-${randomBytes(4).toString("hex")}`);
  const descriptor = openSync(draft, "wx", 0o600);
  try {
    writeSync(descriptor, `${JSON.stringify(pair, undefined, 2)}\n`);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  try {
    linkSync(draft, file);
  } catch (error) {
    // Another process was first: its pair counts.
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  } finally {
    unlinkSync(draft);
  }
  const kept = readPair(file);
  invariant(kept, `${file} was written`);
  return kept;
}
