import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defaultCapacity } from "../capacity/capacity.ts";
import { type Clock, systemClock } from "../clock.ts";
import type { Configuration } from "../configuration.ts";
import { openDataDirectory } from "../data-directory/open.ts";
import { Images } from "../images/images.ts";
import { LocalKeys } from "../kms/local-keys.ts";
import { readMasterKey } from "../kms/master-key.ts";
import { silentLog } from "../log.ts";
import { openMetricStore } from "../metrics/sqlite/open-metric-store.ts";
import { type ObjectStorage, openObjectCatalogue } from "../objects/object-storage.ts";
import type { Platform } from "../platform.ts";
import type { Service } from "../services/service.ts";
import { defaultSpotPolicy } from "../spot-policy.ts";
import { openSqliteStore } from "../store/sqlite/sqlite-store.ts";
import { type CredentialStore, openCredentials } from "./credentials.ts";
import { type GatewayOptions, startGateway } from "./gateway.ts";

/** A real server in this process: a temporary data directory, a listener on a free loopback port, fresh credentials. */
export interface TestServer {
  /** `http://127.0.0.1:PORT` */
  readonly endpoint: string;
  readonly port: number;
  /** What an SDK client takes as `credentials`. */
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  readonly credentialStore: CredentialStore;
  readonly platform: Platform & { readonly objects: ObjectStorage };
  /** Options for any SDK client: `new SageMakerClient(server.client)`. */
  readonly client: {
    readonly endpoint: string;
    readonly region: string;
    readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
    readonly maxAttempts: number;
  };
  close(): Promise<void>;
}

export interface TestServerOptions {
  readonly services:
    | readonly Service[]
    | ((platform: TestServer["platform"], credentials: CredentialStore) => readonly Service[]);
  readonly configuration?: Partial<Configuration>;
  readonly clock?: Clock;
  readonly log?: Platform["log"];
  readonly images?: Images;
  readonly pages?: GatewayOptions["pages"];
  readonly runs?: (platform: TestServer["platform"], credentials: CredentialStore) => GatewayOptions["runs"];
  readonly sites?: (platform: TestServer["platform"], credentials: CredentialStore) => GatewayOptions["sites"];
  /** Uses this directory and leaves it there; otherwise a temporary one is made and removed on close. */
  readonly dataDirectory?: string;
}

/** Starts a server that serves only `services`, with the real store and object catalogue. */
export async function startTestServer(options: TestServerOptions): Promise<TestServer> {
  const root = options.dataDirectory ?? (await mkdtemp(join(tmpdir(), "sagebrush-test-")));
  const clock = options.clock ?? systemClock;
  const log = options.log ?? silentLog;
  const directory = await openDataDirectory(root);
  const store = await openSqliteStore(directory.database, { clock });
  const configuration = testConfiguration(root, options.configuration);
  const keys = new LocalKeys(readMasterKey(configuration.masterKey));
  const { memory: memoryDirectory } = directory;
  const objects = await openObjectCatalogue({ store, directory: directory.objects, memoryDirectory, keys, clock, log });
  const metrics = openMetricStore(directory.metrics, { clock });
  const images = options.images ?? new Images();
  const platform = { configuration, dataDirectory: directory, clock, log, store, objects, keys, images, metrics };
  const credentialStore = openCredentials(directory.credentials);
  const services =
    typeof options.services === "function" ? options.services(platform, credentialStore) : options.services;
  const sites = options.sites?.(platform, credentialStore);
  const runs = options.runs?.(platform, credentialStore);
  const gateway = await startGateway({
    platform,
    services,
    credentials: credentialStore,
    ...(sites && { sites }),
    ...(runs && { runs }),
    ...(options.pages && { pages: options.pages }),
  });
  const { accessKeyId, secretAccessKey } = credentialStore.root;
  const credentials = { accessKeyId, secretAccessKey };
  return {
    endpoint: gateway.address,
    port: gateway.port,
    credentials,
    credentialStore,
    platform,
    client: { endpoint: gateway.address, region: configuration.region, credentials, maxAttempts: 1 },
    async close() {
      await gateway.close(0);
      await metrics.close();
      await objects.close();
      await store.close();
      await directory.close();
      if (options.dataDirectory === undefined) await rm(root, { recursive: true, force: true });
    },
  };
}

/** Defaults of a test's configuration. */
function testConfiguration(root: string, changes: Partial<Configuration> = {}): Configuration {
  return {
    dataDirectory: root,
    host: "127.0.0.1",
    port: 0,
    account: "111122223333",
    region: "us-west-2",
    auth: "required",
    publicUrls: [],
    fileSystems: {},
    snsNetworks: [],
    serverlessIdleSeconds: 300,
    insecure: false,
    allowedOrigins: [],
    engine: "process",
    docker: { host: "none", runtime: "", ulimits: [] },
    spot: defaultSpotPolicy,
    capacity: defaultCapacity,
    masterKey: {},
    ...changes,
  };
}
