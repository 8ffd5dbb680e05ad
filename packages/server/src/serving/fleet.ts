import type { ObjectLocation } from "./artifacts/model-location.ts";

import type { CaptureSettings } from "./capture/capture-settings.ts";
import type { Deployment } from "./deployment.ts";

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
  /** What is kept of requests and answers, if anything. */
  readonly capture?: CaptureSettings;
}

export interface Variant {
  readonly name: string;
  readonly modelName: string;
  readonly instanceType: string;
  /** 0 for a variant that was stopped: it takes no traffic until it is given instances again. */
  readonly desiredInstanceCount: number;
  /** Share of traffic relative to the other variants; 0 is reached by TargetVariant only. */
  readonly weight: number;
  /** How its instances share requests; by the fewest under way where absent. */
  readonly routing?: "RANDOM";
  readonly startupTimeoutSeconds: number;
  readonly container: ServingContainer;
  readonly instances: readonly Instance[];
  /** Instances that died one after the other without serving for long; delays the next start. */
  readonly crashes?: { readonly count: number; readonly at: number; readonly reason: string };
}

/** One container of a model, as the model said when the fleet was made. */
export interface ServingContainer {
  readonly image: string;
  readonly environment: Readonly<Record<string, string>>;
  /** The model or the configuration asks for it: to be refused where the engine cannot keep runs off the network. */
  readonly needsIsolation: boolean;
  /** The configuration has a KMS key: what instances write is in memory, so that nothing of it reaches a disk in clear. */
  readonly hasVolumeKey?: boolean;
  /** Whose credentials code inside may have; absent in fleets that an older version made, which have none. */
  readonly executionRoleArn?: string;
  /** Absent for images that bring their model along. */
  readonly model?: ObjectLocation & { readonly url: string };
  /** Name of the extracted copy, once there is one: later instances serve the same bytes. */
  readonly modelKey?: string;
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

/** Every instance of every fleet. */
export function instancesOf(value: EndpointValue): Instance[] {
  return value.fleets.flatMap((fleet) => fleet.variants.flatMap((variant) => variant.instances));
}

/** The fleet with that role. */
export function fleetOf(value: EndpointValue, role: "incoming" | "active"): Fleet | undefined {
  return value.fleets.find((fleet) => fleet.role === role);
}
