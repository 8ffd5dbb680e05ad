import type { ImageRegistry } from "../../../registry/image-registry.ts";
import { LARGEST_MANIFEST_BYTES } from "../../../registry/manifest-content.ts";
import type { ManifestName } from "../../../registry/manifests.ts";
import { RegistryError } from "../../../registry/registry-error.ts";
import type { RegistryPlace, Repository } from "../../../registry/registry-records.ts";
import type { Visit } from "../../site.ts";
import { answerEmpty, answerJson, answerUnchanged, contentHead } from "./answer.ts";

/** The largest page of names. */
const largestPage = 1000;

/** `GET`, `HEAD`, `PUT` and `DELETE` of a manifest. */
export async function serveManifest(
  registry: ImageRegistry,
  repository: Repository,
  reference: ManifestName,
  visit: Visit,
): Promise<void> {
  const { request, response } = visit;
  switch (request.method) {
    case "PUT":
      return push(registry, repository, reference, visit);
    case "DELETE":
      return remove(registry, repository, reference, visit);
    case "GET":
    case "HEAD": {
      const manifest = await registry.manifests.find(repository, reference);
      if (!manifest) throw unknownManifest(reference);
      const { mediaType, digest, bytes } = manifest;
      const headers = { ...contentHead(mediaType, digest), "content-length": bytes.sizeBytes };
      if (request.method === "HEAD") return answerEmpty(visit, 200, headers);
      if (answerUnchanged(visit, digest)) return;
      const content = await registry.manifests.content(manifest);
      response.writeHead(200, headers).end(content);
      return;
    }
    default:
      throw new RegistryError("UNSUPPORTED", `Manifests do not take ${request.method ?? ""}.`);
  }
}

async function push(
  registry: ImageRegistry,
  repository: Repository,
  reference: ManifestName,
  visit: Visit,
): Promise<void> {
  const { body, request } = visit;
  const contentType = request.headers["content-type"];
  const { manifest } = await registry.manifests.push(repository, {
    content: await body.read(LARGEST_MANIFEST_BYTES),
    ...(contentType !== undefined && { contentType }),
    ...reference,
  });
  answerEmpty(visit, 201, {
    location: `/v2/${repository.name}/manifests/${manifest.digest}`,
    "docker-content-digest": manifest.digest,
    ...(manifest.subject !== undefined && { "oci-subject": manifest.subject }),
  });
}

async function remove(
  registry: ImageRegistry,
  repository: Repository,
  reference: ManifestName,
  visit: Visit,
): Promise<void> {
  const { manifests } = registry;
  if ("tag" in reference) {
    if ((await manifests.untag(repository, reference.tag)) === undefined) throw unknownManifest(reference);
    return answerEmpty(visit, 202);
  }
  const [parent] = await manifests.parentsOf(repository, reference.digest);
  if (parent !== undefined) {
    throw new RegistryError("UNSUPPORTED", `The image is part of ${parent}, which must be deleted first.`);
  }
  if (!(await manifests.remove(repository, reference.digest))) throw unknownManifest(reference);
  answerEmpty(visit, 202);
}

/** One page of a repository's tags, in order. */
export async function serveTags(registry: ImageRegistry, repository: Repository, visit: Visit): Promise<void> {
  const { limit, last } = pageOf(visit);
  const tags = limit === 0 ? [] : await registry.manifests.tags(repository, last, limit);
  const next = tags.length < limit || limit === 0 ? undefined : tags.at(-1);
  const { name } = repository;
  answerJson(visit, 200, { name, tags }, nextPage(`/v2/${name}/tags/list`, limit, next));
}

/** One page of the registry's repositories, in order. */
export async function serveCatalog(registry: ImageRegistry, place: RegistryPlace, visit: Visit): Promise<void> {
  const { limit, last } = pageOf(visit);
  const page = limit === 0 ? [] : (await registry.repositories.list(place, { limit, after: last })).repositories;
  const repositories = page.map(({ name }) => name);
  const next = repositories.length < limit || limit === 0 ? undefined : repositories.at(-1);
  answerJson(visit, 200, { repositories }, nextPage("/v2/_catalog", limit, next));
}

/** An index of the manifests that are about another one, which may be missing itself. */
export async function serveReferrers(
  registry: ImageRegistry,
  repository: Repository,
  digest: string,
  visit: Visit,
): Promise<void> {
  const all = await registry.manifests.referrers(repository, digest, largestPage);
  const wanted = visit.query.get("artifactType");
  const manifests = wanted === null ? all : all.filter(({ artifactType }) => artifactType === wanted);
  const mediaType = "application/vnd.oci.image.index.v1+json";
  answerJson(
    visit,
    200,
    { schemaVersion: 2, mediaType, manifests },
    { "content-type": mediaType, ...(wanted !== null && { "oci-filters-applied": "artifactType" }) },
  );
}

function pageOf({ query }: Visit): { limit: number; last: string } {
  const n = query.get("n") ?? String(largestPage);
  if (!/^\d{1,9}$/.test(n)) {
    throw new RegistryError("PAGINATION_NUMBER_INVALID", `n must be a number, not "${n}".`);
  }
  return { limit: Math.min(Number(n), largestPage), last: query.get("last") ?? "" };
}

function nextPage(path: string, limit: number, last: string | undefined): Record<string, string> {
  if (last === undefined) return {};
  return { link: `<${path}?n=${limit}&last=${encodeURIComponent(last)}>; rel="next"` };
}

function unknownManifest(reference: ManifestName): RegistryError {
  const name = "tag" in reference ? `tag ${reference.tag}` : `digest ${reference.digest}`;
  return new RegistryError("MANIFEST_UNKNOWN", `The repository has no image with the ${name}.`);
}
