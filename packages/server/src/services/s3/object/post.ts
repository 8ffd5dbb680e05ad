import { ServiceError } from "../../../errors.ts";
import { encryptionFor } from "../../../objects/encryption.ts";
import { etagOf } from "../../../objects/entity-tag.ts";
import type { OperationContext, StreamHandler } from "../../service.ts";
import { accessDenied, type BucketInput, invalidArgument, openBucket, requireKey, storageOf } from "../access.ts";
import { attributesOf, parseTags } from "./attributes.ts";
import { ChecksumClaim } from "./checksum-claim.ts";
import { readForm } from "./form.ts";
import { checkPolicy, type PostPolicy } from "./post-policy.ts";
import { setEncryption } from "./put.ts";

/** An upload from a browser's form (presigned POST): the policy in the form stands for a signed request. */
export const postObject: StreamHandler<BucketInput> = async (
  input,
  anyone,
  { request, response, body, verifyPolicy },
) => {
  const form = await readForm(body.stream(), request.headers["content-type"] ?? "");
  const { fields } = form;
  if (fields["policy"] === undefined) throw accessDenied();
  const caller = verifyPolicy({ policy: fields["policy"], fields });
  const context: OperationContext = { ...inherit(anyone), ...caller };
  const bucket = await openBucket(input, context);
  const limits = checkPolicy(fields["policy"], fields, bucket.name, context.platform.clock.now());
  const key = fields["key"]?.replaceAll("${filename}", form.fileName.replace(/^.*[\\/]/, ""));
  if (!key) {
    throw invalidArgument(
      "Bucket POST must contain a field named 'key'.  If it is specified, please check the order of the fields.",
      {
        ArgumentName: "key",
      },
    );
  }
  requireKey(key);
  const { encryption: asked, ...described } = attributesOf({ ...fields, "x-amz-acl": fields["acl"] });
  const claim = new ChecksumClaim(fields);
  const storage = storageOf(context);
  const { encryption, seal } = encryptionFor(storage.bytes.keys, bucket, key, asked);
  const attributes = { ...described, ...(encryption && { encryption }) };
  const ingested = await storage.bytes.ingest(limited(form.file, limits), claim.digests, { seal });
  let checksum: ReturnType<ChecksumClaim["verify"]>;
  try {
    requireLeast(ingested.bytes.sizeBytes, limits);
    checksum = claim.verify(ingested.digests, {});
  } catch (error) {
    await ingested.discard();
    throw error;
  }
  const tags = fields["tagging"] === undefined ? undefined : parseTagXml(fields["tagging"]);
  const etag = etagOf(ingested);
  const version = await storage.objects.put(bucket.name, key, {
    source: { kind: "fresh", ingested },
    etag,
    attributes: { ...attributes, ...(tags && { tags }) },
    ...(checksum && { checksum }),
  });
  const location = `${context.publicUrl}/${bucket.name}/${encodeURIComponent(key).replaceAll("%2F", "/")}`;
  response.setHeader("ETag", etag);
  response.setHeader("Location", location);
  if (bucket.versioning) response.setHeader("x-amz-version-id", version.versionId);
  setEncryption(response, version);
  answer(response, fields, { location, bucket: bucket.name, key, etag });
};

type Response = Parameters<StreamHandler>[2]["response"];

/** As the form asks: a redirect, or the status it names; 204 when it names none. */
function answer(
  response: Response,
  fields: Readonly<Record<string, string>>,
  made: { location: string; bucket: string; key: string; etag: string },
): void {
  const redirect = fields["success_action_redirect"] ?? fields["redirect"];
  if (redirect !== undefined && URL.canParse(redirect)) {
    const target = new URL(redirect);
    for (const name of ["bucket", "key", "etag"] as const) target.searchParams.set(name, made[name]);
    response.statusCode = 303;
    response.setHeader("Location", target.href);
    response.end();
    return;
  }
  const status = Number(fields["success_action_status"]);
  if (status !== 201) {
    response.statusCode = status === 200 ? 200 : 204;
    response.end();
    return;
  }
  response.statusCode = 201;
  response.setHeader("Content-Type", "application/xml");
  const { location, bucket, key, etag } = made;
  const inner = Object.entries({ Location: location, Bucket: bucket, Key: key, ETag: etag })
    .map(([name, value]) => `<${name}>${escapeXml(value)}</${name}>`)
    .join("");
  response.end(`<?xml version="1.0" encoding="UTF-8"?>\n<PostResponse>${inner}</PostResponse>`);
}

/** The context with its accessors made values, so that it can be spread. */
function inherit(context: OperationContext): OperationContext {
  const { scope, principal, requestId, signal, platform, publicUrl } = context;
  return { scope, principal, requestId, signal, platform, publicUrl };
}

async function* limited(file: AsyncIterable<Uint8Array>, { most }: PostPolicy): AsyncGenerator<Uint8Array> {
  let size = 0;
  for await (const bytes of file) {
    size += bytes.byteLength;
    if (size > most) {
      throw new ServiceError("EntityTooLarge", "Your proposed upload exceeds the maximum allowed size", {
        status: 400,
        members: { ProposedSize: size, MaxSizeAllowed: most },
      });
    }
    yield bytes;
  }
}

function requireLeast(size: number, { least }: PostPolicy): void {
  if (size >= least) return;
  throw new ServiceError("EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size", {
    status: 400,
    members: { ProposedSize: size, MinSizeAllowed: least },
  });
}

/** A form's tags come as a `Tagging` document. */
function parseTagXml(xml: string) {
  const query = new URLSearchParams();
  for (const [, tag = ""] of xml.matchAll(/<Tag>(.*?)<\/Tag>/gs)) {
    const text = (name: string) => unescapeXml(new RegExp(`<${name}>(.*?)</${name}>`, "s").exec(tag)?.[1] ?? "");
    query.append(text("Key"), text("Value"));
  }
  return parseTags(query.toString());
}

const entities: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

function unescapeXml(text: string): string {
  return text.replaceAll(/&(amp|lt|gt|quot|apos);/g, (_, name: string) => entities[name] as string);
}

function escapeXml(text: string): string {
  const name: Readonly<Record<string, string>> = { "&": "amp", "<": "lt", ">": "gt" };
  return text.replaceAll(/[&<>]/g, (character) => `&${name[character]};`);
}
