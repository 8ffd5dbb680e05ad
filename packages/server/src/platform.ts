import type { Clock } from "./clock.ts";
import type { Configuration } from "./configuration.ts";
import type { DataDirectory } from "./data-directory.ts";
import type { Images } from "./images/images.ts";
import type { KeyManagement } from "./kms/key-management.ts";
import type { Log } from "./log.ts";
import type { MetricStore } from "./metrics/metric-store.ts";
import type { ObjectCatalogue } from "./objects/object-catalogue.ts";
import type { Store } from "./store/store.ts";

/** What every service may use. Engines are not here: services reach them only through reconcilers. */
export interface Platform {
  readonly configuration: Configuration;
  readonly dataDirectory: DataDirectory;
  readonly clock: Clock;
  readonly log: Log;
  readonly store: Store;
  readonly objects: ObjectCatalogue;
  /** What objects and volumes are encrypted with. */
  readonly keys: KeyManagement;
  readonly images: Images;
  readonly metrics: MetricStore;
}
