import { createHash } from "node:crypto";
import { partitionOf } from "../scope.ts";
import { keyNotFound } from "./errors.ts";
import type { Caller, KmsKey } from "./key-management.ts";

const keyId = /^(?:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|mrk-[0-9a-f]{32})$/i;
const alias = /^alias\/[a-zA-Z0-9/_-]{1,250}$/;
const arn = /^arn:(?:aws|aws-cn|aws-us-gov):kms:([a-z0-9-]+):(\d{12}):(?:key\/(.+)|(alias\/.+))$/;

/**
 * The key that a name stands for. Keys need not be created first: every id and every alias of an account stands for a key
 * of its own, always the same. An alias stands for the id that its name gives.
 * @throws ServiceError `KMS.NotFoundException`.
 */
export function keyNamed(name: string, caller: Caller): KmsKey {
  const match = arn.exec(name);
  const [region, account] = match ? [match[1] as string, match[2] as string] : [caller.region, caller.account];
  const rest = match ? (match[3] ?? match[4] ?? "") : name;
  if (account !== caller.account)
    throw keyNotFound(`The key ${name} belongs to another account than ${caller.account}.`);
  const isAlias = alias.test(rest) && match?.[3] === undefined;
  if (!isAlias && !keyId.test(rest)) {
    throw keyNotFound(
      `Invalid keyId ${JSON.stringify(name)}: expected a key id (a UUID), alias/NAME, or the ARN of one of the two.`,
    );
  }
  const id = isAlias ? idOfAlias(`${region}:${account}:${rest}`) : rest.toLowerCase();
  return { arn: `arn:${partitionOf(region)}:kms:${region}:${account}:key/${id}`, account };
}

/** A UUID from a text, in the form of those that are made from names. */
function idOfAlias(text: string): string {
  const digest = createHash("sha256").update(`sagebrush alias ${text}`).digest("hex");
  const parts = [digest.slice(0, 8), digest.slice(8, 12), `8${digest.slice(13, 16)}`, `a${digest.slice(17, 20)}`];
  return [...parts, digest.slice(20, 32)].join("-");
}
