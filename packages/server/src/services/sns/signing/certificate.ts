import { createPublicKey, type KeyObject, randomBytes, sign } from "node:crypto";
import { bitString, explicit, integer, nothing, objectIdentifier, sequence, set, time, utf8 } from "./der.ts";

const sha256WithRsa = "1.2.840.113549.1.1.11";
const commonName = "2.5.4.3";
/** RFC 5280 (4.1.2.5) has this for certificates that do not end. */
const neverEnds = new Date("9999-12-31T23:59:59Z");

/**
 * A certificate of a key, signed by itself.
 * @param privateKey - RSA.
 * @returns PEM.
 */
export function selfSignedCertificate(privateKey: KeyObject, subject: string, from: Date): string {
  const algorithm = sequence(objectIdentifier(sha256WithRsa), nothing());
  const name = sequence(set(sequence(objectIdentifier(commonName), utf8(subject))));
  const serial = randomBytes(16);
  // Positive, and of a first byte that is not empty.
  serial[0] = ((serial[0] as number) & 0x7f) | 0x40;
  const body = sequence(
    explicit(0, integer(Buffer.from([2]))),
    integer(serial),
    algorithm,
    name,
    sequence(time(from), time(neverEnds)),
    name,
    createPublicKey(privateKey).export({ type: "spki", format: "der" }),
  );
  const certificate = sequence(body, algorithm, bitString(sign("sha256", body, privateKey)));
  const lines = certificate.toString("base64").match(/.{1,64}/gu) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
}
