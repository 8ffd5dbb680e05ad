import type { Configuration } from "./configuration.ts";
import { systemClock } from "./clock.ts";
import { consolePage } from "./console-page.ts";
import { openDataDirectory } from "./data-directory/open.ts";
import { openEngine } from "./engines/index.ts";
import { openCredentials } from "./gateway/credentials.ts";
import { startGateway } from "./gateway/gateway.ts";
import { jsonLog } from "./log.ts";
import { openObjectCatalogue } from "./objects/object-storage.ts";
import type { Platform } from "./platform.ts";
import { createLoop } from "./reconcile/loop.ts";
import type { Controller, ReconcileLoop } from "./reconcile/reconcile.ts";
import { allServices } from "./services/index.ts";
import { endpointController } from "./services/sagemaker/endpoint/reconcile.ts";
import { trainingJobController } from "./services/sagemaker/training-job/reconcile.ts";
import { openServing } from "./serving/open-serving.ts";
import { openSqliteStore } from "./store/sqlite/sqlite-store.ts";

/** The whole platform in one process. */
export interface Server {
  readonly url: string;
  readonly engine: string;
  /** What this machine lacks and what that costs, for people. */
  readonly notices: readonly string[];
  /** Stops answering and lets go of everything. Jobs and endpoints go on running. */
  close(): Promise<void>;
}

/** The composition root: reads nothing but the configuration, builds every part and starts it. */
export async function startServer(configuration: Configuration): Promise<Server> {
  const log = jsonLog((line) => process.stderr.write(line));
  const clock = systemClock;
  // Closed in reverse order, also when a later part fails to open.
  const opened: (() => Promise<void> | void)[] = [];
  const close = async (): Promise<void> => {
    for (const each of opened.splice(0).reverse()) await each();
  };
  try {
    const dataDirectory = await openDataDirectory(configuration.dataDirectory);
    opened.push(() => dataDirectory.close());
    const store = await openSqliteStore(dataDirectory.database, { clock });
    opened.push(() => store.close());
    const objects = await openObjectCatalogue({ store, directory: dataDirectory.objects, clock, log });
    opened.push(() => objects.close());
    const engine = await openEngine({ directory: dataDirectory.engine, kind: configuration.engine, log });
    opened.push(() => engine.close());

    let loop: ReconcileLoop | undefined;
    const serving = await openServing({
      ...{ store, objects, engine, dataDirectory, clock, log },
      wake: (key) => loop?.wake(key),
    });
    opened.push(() => serving.close());
    const trainingJobs = trainingJobController({ store, objects, engine, dataDirectory, clock, log });
    const controllers = [trainingJobs, endpointController(serving)] as Controller[];
    loop = createLoop({ store, controllers, log });
    opened.push(
      engine.watch((id) => {
        const owner = trainingJobs.ownerOf(id);
        if (owner) loop?.wake(owner);
      }),
    );

    const platform: Platform = { configuration, dataDirectory, clock, log, store, objects };
    const credentials = openCredentials(dataDirectory.credentials);
    const gateway = await startGateway({
      platform,
      services: allServices(serving.invoker, credentials.createSession),
      credentials,
      pages: { console: consolePage },
    });
    opened.push(() => gateway.close());
    await loop.start();
    opened.push(() => loop?.stop());
    return { url: gateway.address, engine: engine.name, notices: engine.capabilities.notices, close };
  } catch (error) {
    await close();
    throw error;
  }
}
