import type { ImageRegistry } from "../registry/image-registry.ts";
import { placeOfHost } from "../registry/registry-host.ts";
import type { RegistryPlace } from "../registry/registry-records.ts";
import type { ImageRequest } from "./image.ts";
import type { PullRequest } from "./image-pulls.ts";
import type { ImageReference } from "./reference.ts";

/** This machine: after a restart the server may have another port, and another registry may have its own. */
const localHost = /^(?:localhost|127(?:\.\d{1,3}){3})(?::\d+)?$/;

/** How an engine gets at the images of this server's own registry. */
export interface OwnRegistryParts {
  readonly registry: ImageRegistry;
  /** `127.0.0.1:9310`, once the server listens. */
  readonly address: () => string | undefined;
  /** Hosts that mean this server: its addresses, as users write them in image names. */
  readonly isOwnHost: (host: string) => boolean;
  /** A password for the user `AWS`. */
  readonly tokenFor: (place: RegistryPlace) => string;
}

/**
 * The server's own registry, for engines that pull. `ACCOUNT.dkr.ecr.REGION.amazonaws.com/name` is looked up here first,
 * since that is where the same name is pushed to; what is not here may be AWS's.
 */
export class OwnRegistry {
  readonly #parts: OwnRegistryParts;

  constructor(parts: OwnRegistryParts) {
    this.#parts = parts;
  }

  /** @returns What to pull, by digest; `missing` where only we could have it; undefined where it is another registry's. */
  async locate(
    reference: ImageReference,
    { account, region }: Pick<ImageRequest, "account" | "region">,
  ): Promise<PullRequest | "missing" | undefined> {
    const { registry, address, isOwnHost, tokenFor } = this.#parts;
    const { host } = reference;
    const at = address();
    if (host === undefined || at === undefined) return undefined;
    const named = placeOfHost(host);
    const isOwn = isOwnHost(host);
    const isLocal = localHost.test(host);
    if (!named && !isOwn && !isLocal) return undefined;
    // Nothing here shares images between accounts.
    if (named && named.account !== account) return undefined;
    const place = named ?? { account, region };
    const repository = await registry.repositories.find(place, reference.repository);
    const name = reference.digest !== undefined ? { digest: reference.digest } : { tag: reference.tag ?? "latest" };
    const manifest = repository && (await registry.manifests.find(repository, name));
    if (!manifest) return isOwn || (repository && !isLocal) ? "missing" : undefined;
    return {
      reference: `${at}/${reference.repository}@${manifest.digest}`,
      registry: at,
      credentials: { username: "AWS", password: tokenFor(place) },
      isOwn: true,
    };
  }
}
