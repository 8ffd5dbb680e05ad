import { invariant } from "../errors.ts";
import type { Scope } from "../scope.ts";
import type { Principal, Service, SignedPolicy } from "../services/service.ts";
import { mismatchMessage } from "./body.ts";
import { refuse } from "./errors.ts";
import type { Exchange } from "./exchange.ts";
import { establish } from "./identity.ts";
import { isSignature } from "./sigv4/canonical.ts";
import { readCredential } from "./sigv4/credential.ts";
import { isSha1Signature } from "./sigv4/presigned-v2.ts";

/**
 * Checks the signature of a form upload's policy, version 4 or 2. Whether the policy allows the upload is S3's to say.
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-authentication-HTTPPOST.html
 */
export function verifyPolicy(
  exchange: Exchange,
  { policy, fields }: SignedPolicy,
): { scope: Scope; principal: Principal } {
  const { protocol } = exchange.service as Service;
  const { configuration } = exchange.gateway.platform;
  const credential = fields["x-amz-credential"];
  const read = credential === undefined ? undefined : readCredential(credential);
  const accessKeyId = credential?.split("/")[0] ?? fields["awsaccesskeyid"];
  if (accessKeyId === undefined) throw refuse(protocol, "noToken", "Access Denied");
  if (configuration.auth === "open") {
    establish(exchange, { accessKeyId, secretAccessKey: "" }, read?.region ?? configuration.region);
    return established(exchange);
  }
  const token = fields["x-amz-security-token"];
  const found = exchange.gateway.credentials.lookup(accessKeyId, token, exchange.startedAt);
  if (typeof found === "string") {
    const message = "The AWS Access Key Id you provided does not exist in our records.";
    throw refuse(protocol, found, message, { AWSAccessKeyId: accessKeyId });
  }
  const secret = found.secretAccessKey;
  const { signingKeys } = exchange.gateway;
  const holds =
    credential === undefined
      ? isSha1Signature(secret, policy, fields["signature"] ?? "")
      : read?.service === "s3" &&
        fields["x-amz-algorithm"] === "AWS4-HMAC-SHA256" &&
        isSignature(signingKeys.of(read, secret), policy, fields["x-amz-signature"] ?? "");
  if (!holds) throw refuse(protocol, "signatureMismatch", mismatchMessage);
  establish(exchange, found, read?.region ?? configuration.region);
  return established(exchange);
}

function established({ scope, principal }: Exchange): { scope: Scope; principal: Principal } {
  invariant(scope && principal, "a verified policy names its signer");
  return { scope, principal };
}
