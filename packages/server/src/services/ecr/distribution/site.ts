import type { Clock } from "../../../clock.ts";
import type { Log } from "../../../log.ts";
import type { ImageRegistry } from "../../../registry/image-registry.ts";
import { unknownRepository } from "../../../registry/manifests.ts";
import { RegistryError } from "../../../registry/registry-error.ts";
import { placeOfHost } from "../../../registry/registry-host.ts";
import type { RegistryPlace, Repository } from "../../../registry/registry-records.ts";
import type { Site, Visit } from "../../site.ts";
import { blobPurpose, type RegistryTokens } from "../registry-tokens.ts";
import type { Admit } from "./admit.ts";
import { answerFailure, answerJson } from "./answer.ts";
import { beginUpload, serveBlob, serveUpload } from "./blobs.ts";
import { serveCatalog, serveManifest, serveReferrers, serveTags } from "./manifests.ts";
import { parseRoute, type Route } from "./route.ts";

/** What the distribution API stands on. */
export interface DistributionParts {
  readonly registry: ImageRegistry;
  readonly admit: Admit;
  readonly tokens: RegistryTokens;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * The OCI distribution API (version 1.1), which docker, podman and skopeo speak.
 */
export function distributionSite(parts: DistributionParts): Site {
  const { registry, log } = parts;
  return {
    segment: "v2",
    acceptsHost: (host) => placeOfHost(host) !== undefined,
    async handle(visit) {
      visit.response.setHeader("docker-distribution-api-version", "registry/2.0");
      try {
        const route = parseRoute(visit.path);
        await serve(registry, placeOf(visit, route, parts), route, visit);
      } catch (error) {
        answerFailure(visit, error, log);
      }
    },
  };
}

/** @throws RegistryError `UNAUTHORIZED` with the challenge that makes clients send what `docker login` was given. */
function placeOf({ request, query }: Visit, route: Route, parts: DistributionParts): RegistryPlace {
  const { host = "", origin, authorization } = request.headers;
  // No client of a registry is a web page; whatever sends this was made to by one.
  if (origin !== undefined) throw new RegistryError("DENIED", "Web pages cannot use the registry.");
  const token = query.get("token");
  const own =
    token !== null && route.kind === "blob" && request.method === "GET"
      ? parts.tokens.open(token, parts.clock.now(), blobPurpose(route.name, route.digest))
      : parts.admit(authorization);
  if (!own) {
    const challenge = `Basic realm="${host.replaceAll('"', "")}",service="ecr.amazonaws.com"`;
    throw new RegistryError(
      "UNAUTHORIZED",
      "Your authorization token is missing, wrong or has expired. Log in again.",
      {
        headers: { "www-authenticate": challenge },
      },
    );
  }
  const named = placeOfHost(host);
  if (named && named.account !== own.account) {
    throw new RegistryError("DENIED", `The credentials belong to the account ${own.account}, not to ${named.account}.`);
  }
  return named ?? own;
}

async function serve(registry: ImageRegistry, place: RegistryPlace, route: Route, visit: Visit): Promise<void> {
  if (route.kind === "version") return answerJson(visit, 200, {});
  if (route.kind === "catalog") return serveCatalog(registry, place, visit);
  const repository = await registry.repositories.find(place, route.name);
  if (!repository) throw unknownRepository({ place, name: route.name });
  return serveRepository(registry, repository, route, visit);
}

function serveRepository(
  registry: ImageRegistry,
  repository: Repository,
  route: Exclude<Route, { kind: "version" | "catalog" }>,
  visit: Visit,
): Promise<void> {
  switch (route.kind) {
    case "tags":
      return serveTags(registry, repository, visit);
    case "manifest":
      return serveManifest(registry, repository, route.reference, visit);
    case "blob":
      return serveBlob(registry, repository, route.digest, visit);
    case "uploads":
      return beginUpload(registry, repository, visit);
    case "upload":
      return serveUpload(registry, repository, route.uploadId, visit);
    case "referrers":
      return serveReferrers(registry, repository, route.digest, visit);
  }
}
