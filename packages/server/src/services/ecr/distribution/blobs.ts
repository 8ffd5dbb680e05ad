import { LARGEST_BLOB_BYTES, uploadRange } from "../../../registry/blob-uploads.ts";
import { isDigest } from "../../../registry/digest.ts";
import type { ImageRegistry } from "../../../registry/image-registry.ts";
import { RegistryError } from "../../../registry/registry-error.ts";
import type { Repository } from "../../../registry/registry-records.ts";
import type { Visit } from "../../site.ts";
import { answerEmpty, answerStream, answerUnchanged, contentHead } from "./answer.ts";
import { isRepositoryName } from "./route.ts";

/** `GET`, `HEAD` and `DELETE` of a blob. */
export async function serveBlob(
  registry: ImageRegistry,
  repository: Repository,
  digest: string,
  visit: Visit,
): Promise<void> {
  const { request, response } = visit;
  if (request.method === "DELETE") {
    // Blobs go by themselves when no manifest refers to them, and one that is referred to must not go.
    throw new RegistryError("UNSUPPORTED", "Blobs are collected when no manifest refers to them any more.");
  }
  const head = request.method === "HEAD";
  const bytes = head
    ? await registry.blobs.findAndKeep(repository, digest)
    : await registry.blobs.find(repository, digest);
  if (!bytes) throw new RegistryError("BLOB_UNKNOWN", `The repository has no blob ${digest}.`);
  const common = { ...contentHead("application/octet-stream", digest), "accept-ranges": "bytes" };
  if (head) return answerEmpty(visit, 200, { ...common, "content-length": bytes.sizeBytes });
  if (answerUnchanged(visit, digest)) return;
  const range = parseRange(request.headers.range, bytes.sizeBytes);
  const length = range ? range.end - range.start + 1 : bytes.sizeBytes;
  await answerStream(response, await registry.blobs.read(bytes, range), range ? 206 : 200, {
    ...common,
    "content-length": length,
    ...(range && { "content-range": `bytes ${range.start}-${range.end}/${bytes.sizeBytes}` }),
  });
}

/** One `bytes=` range; several, or another unit, mean the whole, as HTTP allows. @throws RegistryError `RANGE_INVALID`. */
export function parseRange(header: string | undefined, sizeBytes: number): { start: number; end: number } | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header ?? "");
  if (!match || (match[1] === "" && match[2] === "")) return undefined;
  const last = sizeBytes - 1;
  const start = match[1] === "" ? Math.max(0, sizeBytes - Number(match[2])) : Number(match[1]);
  const end = match[1] === "" || match[2] === "" ? last : Math.min(Number(match[2]), last);
  if (start <= end) return { start, end };
  throw new RegistryError("RANGE_INVALID", `The blob has ${sizeBytes} bytes.`, {
    headers: { "content-range": `bytes */${sizeBytes}` },
  });
}

/** `POST` to begin an upload: in one request with `digest`, as a mount of another repository's blob with `mount`. */
export async function beginUpload(registry: ImageRegistry, repository: Repository, visit: Visit): Promise<void> {
  const { query, body, request } = visit;
  if (request.method !== "POST") throw new RegistryError("UNSUPPORTED", "Uploads begin with POST.");
  const mount = query.get("mount");
  if (mount !== null && (await mounted(registry, repository, mount, query.get("from")))) {
    return created(visit, repository, mount);
  }
  const digest = query.get("digest");
  if (digest !== null) {
    await registry.uploads.addWhole(repository, checked(digest), body.stream(LARGEST_BLOB_BYTES));
    return created(visit, repository, digest);
  }
  const uploadId = await registry.uploads.begin(repository);
  answerEmpty(visit, 202, progress(repository, uploadId, 0));
}

async function mounted(registry: ImageRegistry, to: Repository, digest: string, from: string | null): Promise<boolean> {
  if (from === null || !isRepositoryName(from) || !isDigest(digest)) return false;
  const source = await registry.repositories.find(to.place, from);
  return source !== undefined && registry.blobs.mount(to, source, digest);
}

/** One upload: `GET` its state, `PATCH` a chunk, `PUT` the rest and the digest, `DELETE` it. */
export async function serveUpload(
  registry: ImageRegistry,
  repository: Repository,
  uploadId: string,
  visit: Visit,
): Promise<void> {
  const { uploads } = registry;
  const { request, query, body } = visit;
  switch (request.method) {
    case "GET": {
      const { value } = await uploads.get(repository, uploadId);
      return answerEmpty(visit, 204, progress(repository, uploadId, value.sizeBytes));
    }
    case "PATCH": {
      const start = chunkStart(visit);
      const size = await uploads.append(repository, uploadId, body.stream(LARGEST_BLOB_BYTES), start);
      return answerEmpty(visit, 202, progress(repository, uploadId, size));
    }
    case "PUT": {
      const digest = checked(query.get("digest") ?? "");
      if (body.sizeBytes !== 0) {
        await uploads.append(repository, uploadId, body.stream(LARGEST_BLOB_BYTES), chunkStart(visit));
      }
      await uploads.complete(repository, uploadId, digest);
      return created(visit, repository, digest);
    }
    case "DELETE":
      await uploads.cancel(repository, uploadId);
      return answerEmpty(visit, 204);
    default:
      throw new RegistryError("UNSUPPORTED", `Uploads do not take ${request.method ?? ""}.`);
  }
}

/** `Content-Range: FIRST-LAST` of a chunk, where the client says so. */
function chunkStart({ request, body }: Visit): number | undefined {
  const header = request.headers["content-range"];
  if (header === undefined) return undefined;
  const match = /^(?:bytes )?(\d+)-(\d+)(?:\/.*)?$/.exec(header);
  const length = match ? Number(match[2]) - Number(match[1]) + 1 : undefined;
  if (!match || (body.sizeBytes !== undefined && body.sizeBytes !== length)) {
    throw new RegistryError("RANGE_INVALID", `Content-Range "${header}" does not fit the chunk.`);
  }
  return Number(match[1]);
}

function checked(digest: string): string {
  if (isDigest(digest)) return digest;
  throw new RegistryError("DIGEST_INVALID", `"${digest}" is not a SHA-256 digest.`);
}

function progress({ name }: Repository, uploadId: string, sizeBytes: number): Record<string, string> {
  return {
    location: `/v2/${name}/blobs/uploads/${uploadId}`,
    range: uploadRange(sizeBytes),
    "docker-upload-uuid": uploadId,
  };
}

function created(visit: Visit, { name }: Repository, digest: string): void {
  answerEmpty(visit, 201, { location: `/v2/${name}/blobs/${digest}`, "docker-content-digest": digest });
}
