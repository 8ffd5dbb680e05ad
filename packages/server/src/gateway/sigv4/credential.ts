import { limits } from "../limits.ts";
import { Lru } from "../lru.ts";

/** What `Credential=` names: a key, and what a signature made with it is good for. */
export interface Credential {
  readonly accessKeyId: string;
  /** `YYYYMMDD`. */
  readonly day: string;
  readonly region: string;
  /** `sagemaker`, `s3`. */
  readonly service: string;
  /** `YYYYMMDD/region/service/aws4_request`. */
  readonly scope: string;
}

/** A client says the same all day: what was read of it is kept, and other things are kept by the object itself. */
const known = new Lru<string, Credential>(limits.signingKeys);
/** Longer ones are nobody's key, and are not kept. */
const keptLength = 256;

/** Takes `KEY/YYYYMMDD/REGION/SERVICE/aws4_request` apart; `undefined` when it is not of that form. */
export function readCredential(text: string): Credential | undefined {
  const kept = known.get(text);
  if (kept !== undefined) return kept;
  const parts = text.split("/");
  if (parts.length !== 5 || parts[4] !== "aws4_request" || parts.includes("")) return undefined;
  const [accessKeyId, day, region, service] = parts as [string, string, string, string];
  const credential = { accessKeyId, day, region, service, scope: `${day}/${region}/${service}/aws4_request` };
  if (text.length <= keptLength) known.set(text, credential);
  return credential;
}
