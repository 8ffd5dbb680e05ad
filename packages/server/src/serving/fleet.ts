import type { ObjectLocation } from "./artifacts/model-location.ts";
import type { AsyncSettings } from "./asynchronous/async-settings.ts";
import type { CaptureSettings } from "./capture/capture-settings.ts";
import type { ComponentOrigin } from "./components/needs.ts";
import type { Deployment } from "./deployment.ts";
import type { ServerlessSettings } from "./serverless/serverless-settings.ts";

/**
 * The value of an `endpoint` record: everything that is needed to run and route it, so that configurations and models
 * may be deleted while it serves, and any gateway can build its routes from records alone.
 */
export interface EndpointValue {
  readonly arn: string;
  /** `e-<12 hex>`, made anew for each endpoint, so that a namesake never finds the runs of one that was deleted. */
  readonly runPrefix: string;
  /** What Describe names: the configuration that serves, or the first one until there is such. */
  readonly configName: string;
  readonly failureReason?: string;
  /** At most one incoming and one active; outgoing ones drain. Each is one configuration as it was when it was asked for. */
  readonly fleets: readonly Fleet[];
  /** How the incoming fleet takes over, while there is one beside an active one; all at once where absent. */
  readonly deployment?: Deployment;
  /** DeploymentConfig of the last update that went through, as it was given. */
  readonly lastDeploymentConfig?: unknown;
  /** The same of the update under way. */
  readonly deploymentConfig?: unknown;
  /** Numbers given out so far, so that no run id is used twice. */
  readonly nextFleet: number;
  readonly nextInstance: number;
}

export interface Fleet {
  readonly id: number;
  readonly configName: string;
  /** `incoming` comes up, `active` gets the traffic, `outgoing` ends what it has begun. */
  readonly role: "incoming" | "active" | "outgoing";
  /** Milliseconds since 1970. */
  readonly since: number;
  readonly variants: readonly Variant[];
  /** Of an inference component's copies. */
  readonly component?: ComponentOrigin;
  /** What is kept of requests and answers, if anything. */
  readonly capture?: CaptureSettings;
  /** It answers later, to S3. */
  readonly asynchronous?: AsyncSettings;
  /** Where it is not as usual. */
  readonly metrics?: MetricsSettings;
}

/** How an endpoint's metrics are published (MetricsConfig). */
export interface MetricsSettings {
  /** What instances use is published for each of them besides. */
  readonly isEnhanced: boolean;
  /** Below 60, points are kept apart by the second rather than by the minute. */
  readonly everySeconds: number;
}

/** Minute by minute, for variants as a whole. */
export const plainMetrics: MetricsSettings = { isEnhanced: false, everySeconds: 60 };

export interface Variant {
  readonly name: string;
  readonly modelName: string;
  readonly instanceType: string;
  /** `ml.eia2.medium`: it asks for an accelerator besides. */
  readonly acceleratorType?: string;
  /** 0 for a variant that was stopped: it takes no traffic until it is given instances again. */
  readonly desiredInstanceCount: number;
  /** Share of traffic relative to the other variants; 0 is reached by TargetVariant only. */
  readonly weight: number;
  /** How its instances share requests; by the fewest under way where absent. */
  readonly routing?: "RANDOM";
  readonly startupTimeoutSeconds: number;
  /**
   * It gets copies of the production variant's requests, and no caller its answers. Its weight relative to that variant's
   * is the share of requests that are copied.
   */
  readonly isShadow?: true;
  /** The first container of each instance, and the only one where there are no `further` ones. */
  readonly container: ServingContainer;
  /** The second and further containers of each instance, in their order. */
  readonly further?: readonly ServingContainer[];
  /** How several containers share requests: one after the other, or each by its name. */
  readonly execution?: "serial" | "direct";
  readonly instances: readonly Instance[];
  /** It has no model of its own: its instances are room for inference components, and nothing runs in them but these. */
  readonly hostsComponents?: true;
  /** Of such a variant: it has as many instances as its components need, within these bounds. */
  readonly managed?: { readonly min: number; readonly max: number };
  /** It has instances while there are requests; their count follows from those. */
  readonly serverless?: ServerlessSettings;
  /** Instances that died one after the other without serving for long; delays the next start. */
  readonly crashes?: { readonly count: number; readonly at: number; readonly reason: string };
}

/** One container of a model, as the model said when the fleet was made. */
export interface ServingContainer {
  readonly image: string;
  /** What a container among several is called: its ContainerHostname, or `container-2`. */
  readonly name?: string;
  readonly environment: Readonly<Record<string, string>>;
  /** The model or the configuration asks for it: to be refused where the engine cannot keep runs off the network. */
  readonly needsIsolation: boolean;
  /** The configuration has a KMS key: what instances write is in memory, so that nothing of it reaches a disk in clear. */
  readonly hasVolumeKey?: boolean;
  /** Memory that it may use, where it shares its instance with others. */
  readonly memoryLimitBytes?: number;
  /** Whose credentials code inside may have; absent in fleets that an older version made, which have none. */
  readonly executionRoleArn?: string;
  /** Holds the models behind a prefix, each loaded when a request names it; such a container has no `model`. */
  readonly multiModel?: MultiModel;
  /** Absent for images that bring their model along. */
  readonly model?: ModelData;
  /** Name of the extracted copy, once there is one: later instances serve the same bytes. */
  readonly modelKey?: string;
  /** Folders of data besides the model. */
  readonly additional?: readonly AdditionalData[];
}

/** What a folder of a model is made of: a gzip-compressed tar archive, unless `form` says otherwise. */
export interface ModelData extends ObjectLocation {
  /** As the request has it. */
  readonly url: string;
  /** Not packed: one object, or all objects below a prefix. */
  readonly form?: "object" | "prefix";
  /** Names those of the prefix that are meant, where not all of them are. */
  readonly manifest?: ObjectLocation;
}

/** Data besides a model, as a folder of a name. */
export interface AdditionalData {
  readonly channel: string;
  readonly data: ModelData;
  /** Name of the extracted copy, where it is an archive and once there is one. */
  readonly key?: string;
}

/** What a multi-model container loads its models from, and for how long it keeps them. */
export interface MultiModel {
  readonly bucket: string;
  /** What a model's name is put behind. */
  readonly prefix: string;
  readonly keepsModels: boolean;
  /** Unpacked bytes of models that may be loaded at a time, where the model's owner says so. */
  readonly budgetBytes?: number;
}

export interface Instance {
  /** `e-<12 hex>-<n>`; names the run, its log and its folder. */
  readonly runId: string;
  /** `draining` ones get no new request and go when the last one is answered. */
  readonly phase: "starting" | "ready" | "draining";
  /** When the phase began, milliseconds since 1970. */
  readonly since: number;
  /** Where it answers; set when ready. */
  readonly address?: string;
}

/** The containers that one instance of a variant consists of, in their order. */
export function containersOf({ container, further = [] }: Pick<Variant, "container" | "further">): ServingContainer[] {
  return [container, ...further];
}

/** Names of the extracted copies that a container serves from. */
export function modelKeysOf({ modelKey, additional = [] }: ServingContainer): string[] {
  return [modelKey, ...additional.map(({ key }) => key)].flatMap((key) => (key === undefined ? [] : [key]));
}

/**
 * A container that later instances run from the same bytes.
 * @param keys - Names of the extracted copies, empty where there is none.
 */
export function pinned(
  container: ServingContainer,
  { key, additionalKeys = [] }: { readonly key: string; readonly additionalKeys?: readonly string[] },
): ServingContainer {
  const { model, additional } = container;
  return {
    ...container,
    ...(model !== undefined && key !== "" && { modelKey: key }),
    ...(additional && { additional: additional.map((each, at) => withKey(each, additionalKeys[at] ?? "")) }),
  };
}

function withKey(data: AdditionalData, key: string): AdditionalData {
  return key === "" ? data : { ...data, key };
}

/** The runs that one instance consists of, one for each of its containers. The first bears the instance's own name. */
export function runIdsOf({ further = [] }: Pick<Variant, "further">, runId: string): string[] {
  return [runId, ...further.map((_, index) => `${runId}-c${index + 2}`)];
}

/** The name of the instance that a run belongs to. */
export function instanceOfRun(runId: string): string {
  return runId.replace(/-c\d+$/u, "");
}

/** Every instance of every fleet. */
export function instancesOf(value: EndpointValue): Instance[] {
  return value.fleets.flatMap((fleet) => fleet.variants.flatMap((variant) => variant.instances));
}

/** The variants that callers get answers of. */
export function productionVariants({ variants }: Fleet): Variant[] {
  return variants.filter(({ isShadow }) => isShadow !== true);
}

/** The variants that get copies. */
export function shadowVariants({ variants }: Fleet): Variant[] {
  return variants.filter(({ isShadow }) => isShadow === true);
}

/** The fleet with that role. */
export function fleetOf(value: EndpointValue, role: "incoming" | "active"): Fleet | undefined {
  return value.fleets.find((fleet) => fleet.role === role);
}
