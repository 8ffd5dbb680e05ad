import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { invalidCiphertext } from "./errors.ts";
import type { EncryptionContext } from "./key-management.ts";

/** What stands before every ciphertext, in clear: enough to find the key again, whatever is rotated meanwhile. */
export interface CiphertextHead {
  /** Tells master keys apart without telling anything of them; 8 bytes. */
  readonly master: Buffer;
  /** Which material of the key it was: rotation counts it up. */
  readonly version: number;
  readonly keyArn: string;
}

const format = 1;
const algorithm = "aes-256-gcm";
const masterBytes = 8;
const nonceBytes = 12;
const tagBytes = 16;
/** Format, master, version, length of the ARN. */
const fixedBytes = 1 + masterBytes + 4 + 2;

/** `FORMAT(1) MASTER(8) VERSION(4) LENGTH(2) ARN NONCE(12) BYTES TAG(16)`; the head and the context are authenticated. */
export function seal(
  material: Uint8Array,
  head: CiphertextHead,
  plaintext: Uint8Array,
  context: EncryptionContext,
): Buffer {
  const before = encodeHead(head);
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv(algorithm, material, nonce);
  cipher.setAAD(Buffer.concat([before, encodeContext(context)]));
  return Buffer.concat([before, nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
}

/** @throws ServiceError `KMS.InvalidCiphertextException`. */
export function readHead(ciphertext: Uint8Array): CiphertextHead {
  const bytes = Buffer.from(ciphertext.buffer, ciphertext.byteOffset, ciphertext.byteLength);
  if (bytes.length < fixedBytes || bytes[0] !== format) throw invalidCiphertext();
  const size = bytes.readUInt16BE(fixedBytes - 2);
  if (bytes.length < fixedBytes + size + nonceBytes + tagBytes) throw invalidCiphertext();
  return {
    master: bytes.subarray(1, 1 + masterBytes),
    version: bytes.readUInt32BE(1 + masterBytes),
    keyArn: bytes.toString("utf8", fixedBytes, fixedBytes + size),
  };
}

/** @throws ServiceError `KMS.InvalidCiphertextException`. */
export function unseal(material: Uint8Array, ciphertext: Uint8Array, context: EncryptionContext): Buffer {
  const bytes = Buffer.from(ciphertext.buffer, ciphertext.byteOffset, ciphertext.byteLength);
  const before = encodeHead(readHead(bytes));
  const nonce = bytes.subarray(before.length, before.length + nonceBytes);
  const decipher = createDecipheriv(algorithm, material, nonce, { authTagLength: tagBytes });
  decipher.setAAD(Buffer.concat([before, encodeContext(context)]));
  decipher.setAuthTag(bytes.subarray(bytes.length - tagBytes));
  try {
    const body = bytes.subarray(before.length + nonceBytes, bytes.length - tagBytes);
    return Buffer.concat([decipher.update(body), decipher.final()]);
  } catch {
    throw invalidCiphertext(); // what did not fit is nobody's business
  }
}

function encodeHead({ master, version, keyArn }: CiphertextHead): Buffer {
  const name = Buffer.from(keyArn);
  const head = Buffer.alloc(fixedBytes + name.length);
  head[0] = format;
  master.copy(head, 1);
  head.writeUInt32BE(version, 1 + masterBytes);
  head.writeUInt16BE(name.length, fixedBytes - 2);
  name.copy(head, fixedBytes);
  return head;
}

/** The same bytes for the same pairs, whatever their order. */
function encodeContext(context: EncryptionContext): Buffer {
  const pairs = Object.entries(context).sort(([a], [b]) => (a < b ? -1 : 1));
  return Buffer.from(JSON.stringify(pairs));
}
