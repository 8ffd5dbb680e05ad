import { createHash, createPrivateKey, generateKeyPair, type KeyObject, sign } from "node:crypto";
import { promisify } from "node:util";
import type { Clock } from "../../../clock.ts";
import { type RecordKey, type Store, WriteConflict } from "../../../store/store.ts";
import { selfSignedCertificate } from "./certificate.ts";

/** Signs messages so that subscribers can tell ours from others'. */
export interface Signer {
  /** PEM. */
  readonly certificate: string;
  /** The last part of its address, which changes with it. */
  readonly certificateName: string;
  /** @param version - SNS's SignatureVersion: RSA with SHA-1 (`1`) or SHA-256 (`2`). @returns Base64. */
  sign(text: string, version: "1" | "2"): string;
}

/** The value of the one `sns-signing-key` record. Both are PEM. */
interface SigningKeyValue {
  readonly privateKey: string;
  readonly certificate: string;
}

const key: RecordKey = { account: "", region: "", kind: "sns-signing-key", name: "1" };
const generate = promisify(generateKeyPair);

/** The installation's signer. Its key is made on first use and kept; several servers have one. */
export async function openSigner(store: Store, clock: Clock): Promise<Signer> {
  for (;;) {
    const record = await store.get<SigningKeyValue>(key);
    if (record !== undefined) return signerOf(record.value);
    const { privateKey } = await generate("rsa", { modulusLength: 2048 });
    const value: SigningKeyValue = {
      privateKey: privateKey.export({ type: "pkcs8", format: "pem" }) as string,
      certificate: selfSignedCertificate(privateKey, "sns.sagebrush", new Date(clock.now())),
    };
    try {
      await store.write([{ op: "create", key, value }]);
    } catch (error) {
      // Another server was faster: its key is the one.
      if (!(error instanceof WriteConflict)) throw error;
    }
  }
}

function signerOf({ privateKey, certificate }: SigningKeyValue): Signer {
  const own: KeyObject = createPrivateKey(privateKey);
  const digest = createHash("sha256").update(certificate).digest("hex").slice(0, 32);
  return {
    certificate,
    certificateName: `SimpleNotificationService-${digest}.pem`,
    sign: (text, version) =>
      sign(version === "1" ? "sha1" : "sha256", Buffer.from(text, "utf8"), own).toString("base64"),
  };
}
