import { createHash } from "node:crypto";
import { ECRClient } from "@aws-sdk/client-ecr";
import type { Clock } from "../../../clock.ts";
import type { Configuration } from "../../../configuration.ts";
import { startTestServer, type TestServer } from "../../../gateway/testkit.ts";
import { ImageRegistry } from "../../../registry/image-registry.ts";
import { basicAuthentication } from "../distribution/admit.ts";
import { distributionSite } from "../distribution/site.ts";
import { registryTokens } from "../registry-tokens.ts";
import { ecrService } from "../service.ts";

/** A server that is nothing but an image registry, and how a client of the distribution API speaks to it. */
export interface RegistryServer {
  readonly server: TestServer;
  readonly registry: ImageRegistry;
  readonly ecr: ECRClient;
  /** `Basic …` for the server's own access key. */
  readonly authorization: string;
  /** Calls the distribution API as the server's owner: `call("PUT", "mine/manifests/latest", { body })`. */
  call(method: string, path: string, init?: CallOptions): Promise<Response>;
  /** Makes a repository past the API, whose signatures hold to the real time and not to the test's clock. */
  createRepository(name: string): Promise<void>;
  /** Pushes a blob in one request. @returns Its digest. */
  pushBlob(repository: string, bytes: string | Uint8Array): Promise<string>;
  close(): Promise<void>;
}

/** What a call sends. */
export interface CallOptions {
  readonly body?: string | Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Starts it. */
export async function startRegistryServer(
  options: { clock?: Clock; configuration?: Partial<Configuration> } = {},
): Promise<RegistryServer> {
  let registry: ImageRegistry | undefined;
  const server = await startTestServer({
    ...options,
    services: ({ store, objects, clock }, { root }) => {
      registry = new ImageRegistry({ store, bytes: objects.bytes, clock });
      return [ecrService({ registry, tokens: registryTokens(root.secretAccessKey) })];
    },
    sites: ({ configuration, clock, log }, { root }) => {
      const tokens = registryTokens(root.secretAccessKey);
      const admit = basicAuthentication({ tokens, root, configuration, clock });
      return [distributionSite({ registry: registry as ImageRegistry, tokens, admit, clock, log })];
    },
  });
  const { accessKeyId, secretAccessKey } = server.credentials;
  const authorization = `Basic ${Buffer.from(`${accessKeyId}:${secretAccessKey}`).toString("base64")}`;
  const call = (method: string, path: string, { body, headers }: CallOptions = {}) =>
    fetch(path.startsWith("/") ? `${server.endpoint}${path}` : `${server.endpoint}/v2/${path}`, {
      method,
      headers: { authorization, ...headers },
      ...(body !== undefined && { body: body as string }),
    });
  const ecr = new ECRClient(server.client);
  return {
    server,
    registry: registry as unknown as ImageRegistry,
    ecr,
    authorization,
    call,
    async createRepository(name) {
      const { account, region } = server.platform.configuration;
      await registry?.repositories.create({ account, region }, name, {
        tagMutability: { mutable: true, except: [] },
        scanOnPush: false,
        encryption: { encryptionType: "AES256" },
        resourceTags: {},
      });
    },
    async pushBlob(repository, bytes) {
      const digest = sha256(bytes);
      const pushed = await call("POST", `${repository}/blobs/uploads/?digest=${digest}`, { body: bytes });
      if (pushed.status !== 201) throw new Error(`pushing a blob: ${pushed.status} ${await pushed.text()}`);
      return digest;
    },
    async close() {
      ecr.destroy();
      await server.close();
    },
  };
}

/** The digest of some bytes, as the distribution API writes it. */
export function sha256(bytes: string | Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

export const ociManifest = "application/vnd.oci.image.manifest.v1+json";
export const ociIndex = "application/vnd.oci.image.index.v1+json";

/** A manifest of blobs: configuration first. */
export function manifestOf(
  blobs: readonly { readonly digest: string; readonly size: number }[],
  more: Readonly<Record<string, unknown>> = {},
): string {
  const [config, ...layers] = blobs.map(({ digest, size }, at) => ({
    mediaType: at === 0 ? "application/vnd.oci.image.config.v1+json" : "application/vnd.oci.image.layer.v1.tar",
    digest,
    size,
  }));
  return JSON.stringify({ schemaVersion: 2, mediaType: ociManifest, config, layers, ...more });
}
