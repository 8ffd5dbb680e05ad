import { createHmac, hkdfSync } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { ConfigurationError } from "../configuration-error.ts";

const keyBytes = 32;

/** The one secret that all keys are made from. It is never written anywhere. */
export class MasterKey {
  readonly #secret: Buffer;
  /** Tells it from others; 8 bytes. */
  readonly fingerprint: Buffer;

  /** @param secret - 32 bytes. */
  constructor(secret: Buffer) {
    this.#secret = secret;
    this.fingerprint = createHmac("sha256", secret).update("sagebrush master key").digest().subarray(0, 8);
  }

  /** The material of a key in one version of it, 32 bytes. */
  material(keyArn: string, version: number): Buffer {
    return Buffer.from(hkdfSync("sha256", this.#secret, "", `sagebrush kms key ${version} ${keyArn}`, keyBytes));
  }
}

/** Where a master key may come from. */
export interface MasterKeySource {
  readonly file?: string;
  /** The key itself, as the environment has it. */
  readonly text?: string;
}

/**
 * Reads the master key: 32 bytes in hexadecimal or Base64. @returns `undefined` where none is configured.
 * @throws ConfigurationError when it cannot be used; the message never has the key.
 */
export function readMasterKey({ file, text }: MasterKeySource): MasterKey | undefined {
  if (file !== undefined && text !== undefined) {
    throw new ConfigurationError(
      "--kms-master-key-file and SAGEBRUSH_KMS_MASTER_KEY are both given: drop one of them.",
    );
  }
  if (file !== undefined) return new MasterKey(decode(readKeyFile(file), `The master key file ${file}`));
  return text === undefined ? undefined : new MasterKey(decode(text, "SAGEBRUSH_KMS_MASTER_KEY"));
}

function readKeyFile(file: string): string {
  try {
    if (process.platform !== "win32" && (statSync(file).mode & 0o077) !== 0) {
      throw new ConfigurationError(`The master key file ${file} can be read by others: chmod 600 ${file}.`);
    }
    return readFileSync(file, "utf8");
  } catch (error) {
    if (error instanceof ConfigurationError) throw error;
    throw new ConfigurationError(`The master key file ${file} cannot be read: ${(error as Error).message}`);
  }
}

function decode(text: string, what: string): Buffer {
  const word = text.trim();
  if (/^[0-9a-f]{64}$/i.test(word)) return Buffer.from(word, "hex");
  if (/^[A-Za-z0-9+/]{43}=?$/.test(word)) return Buffer.from(word, "base64");
  throw new ConfigurationError(
    `${what} must hold 32 random bytes as 64 hexadecimal digits or in Base64; \`openssl rand -hex 32\` makes one.`,
  );
}
