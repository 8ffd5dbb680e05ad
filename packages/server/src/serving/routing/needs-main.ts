import { containersOf, type EndpointValue, type Fleet, type ServingContainer, type Variant } from "../fleet.ts";

/**
 * Where an invocation can be served that has to do with a field of an endpoint's record: by any gateway worker, which has
 * routes, counts and captures, or by the main process alone, which has the store, the objects and requests that wait.
 */
type Where = "anywhere" | "main";

// Every field is named: whoever adds one has to say where invocations may go that depend on it.
const ofValue = {
  arn: "anywhere",
  runPrefix: "anywhere",
  configName: "anywhere",
  failureReason: "anywhere",
  fleets: "anywhere",
  deployment: "anywhere",
  lastDeploymentConfig: "anywhere",
  deploymentConfig: "anywhere",
  nextFleet: "anywhere",
  nextInstance: "anywhere",
} satisfies Record<keyof EndpointValue, Where>;
const ofFleet = {
  id: "anywhere",
  configName: "anywhere",
  role: "anywhere",
  since: "anywhere",
  variants: "anywhere",
  capture: "anywhere",
  metrics: "anywhere",
  // Requests name a component in a header, which is read there.
  component: "main",
  // It refuses them, and says why.
  asynchronous: "main",
} satisfies Record<keyof Fleet, Where>;
const ofVariant = {
  name: "anywhere",
  modelName: "anywhere",
  instanceType: "anywhere",
  acceleratorType: "anywhere",
  desiredInstanceCount: "anywhere",
  weight: "anywhere",
  routing: "anywhere",
  startupTimeoutSeconds: "anywhere",
  // Comparisons with the answers of shadows are counted there.
  isShadow: "main",
  container: "anywhere",
  further: "anywhere",
  execution: "anywhere",
  instances: "anywhere",
  hostsComponents: "main",
  managed: "main",
  // Environments and the places of requests are counted there.
  serverless: "main",
  crashes: "anywhere",
} satisfies Record<keyof Variant, Where>;
const ofContainer = {
  image: "anywhere",
  name: "anywhere",
  environment: "anywhere",
  needsIsolation: "anywhere",
  hasVolumeKey: "anywhere",
  memoryLimitBytes: "anywhere",
  executionRoleArn: "anywhere",
  // The instance's front, which workers reach as they do a model.
  multiModel: "anywhere",
  model: "anywhere",
  modelKey: "anywhere",
  additional: "anywhere",
} satisfies Record<keyof ServingContainer, Where>;

/** Whether the endpoint's invocations can be served by the main process alone. */
export function needsMain(value: EndpointValue): boolean {
  return (
    hasMain(value, ofValue) ||
    value.fleets.some(
      (fleet) =>
        hasMain(fleet, ofFleet) ||
        fleet.variants.some(
          (variant) =>
            hasMain(variant, ofVariant) || containersOf(variant).some((container) => hasMain(container, ofContainer)),
        ),
    )
  );
}

/** A field that is not in the table is of a newer version, which knew what to do with it. */
function hasMain(of: object, where: Readonly<Record<string, Where>>): boolean {
  return Object.entries(of).some(([field, value]) => value !== undefined && where[field] !== "anywhere");
}
