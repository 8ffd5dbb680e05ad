import type { Clock } from "./clock.ts";
import { type Configuration, isLoopback } from "./configuration.ts";
import type { DockerEngine } from "./engines/docker/docker-engine.ts";
import { openCredentials } from "./gateway/credentials.ts";
import { DockerImages } from "./images/docker-images.ts";
import type { ImageSource } from "./images/image.ts";
import { OwnRegistry } from "./images/own-registry.ts";
import type { ImageRegistry } from "./registry/image-registry.ts";
import { type RegistryTokens, registryTokens, TOKEN_LIFE_MS } from "./services/ecr/registry-tokens.ts";

/** What the registry is known by. */
export interface OwnRegistryOptions {
  readonly registry: ImageRegistry;
  readonly tokens: RegistryTokens;
  readonly configuration: Pick<Configuration, "host" | "publicUrls">;
  readonly clock: Clock;
  /** The port, once the server listens. */
  readonly port: () => number | undefined;
}

/** This server's registry as container engines on this machine reach it: by its own port, past any proxy. */
export function ownRegistryOf({ registry, tokens, configuration, clock, port }: OwnRegistryOptions): OwnRegistry {
  const { host, publicUrls } = configuration;
  const here = isLoopback(host) || host === "0.0.0.0" || host === "::" ? "127.0.0.1" : host;
  const names = new Set(publicUrls.map((url) => new URL(url).host));
  return new OwnRegistry({
    registry,
    address: () => (port() === undefined ? undefined : `${here}:${port()}`),
    isOwnHost: (name) =>
      names.has(name) || [here, "127.0.0.1", "localhost"].some((each) => name === `${each}:${port()}`),
    tokenFor: (place) => tokens.issue({ ...place, expiresAt: clock.now() + TOKEN_LIFE_MS }),
  });
}

/** The sources of container images: Docker or Podman, where there is one. @param options.docker - Undefined for none. */
export function containerImages({
  docker,
  credentialsFile,
  ...options
}: Omit<OwnRegistryOptions, "tokens"> & {
  readonly docker: DockerEngine | undefined;
  readonly credentialsFile: string;
}): ImageSource[] {
  if (!docker) return [];
  const tokens = registryTokens(openCredentials(credentialsFile).root.secretAccessKey);
  return [new DockerImages(docker, ownRegistryOf({ ...options, tokens }))];
}
