import type { Log } from "../../../log.ts";
import type { ComponentValue } from "../../../serving/components/component.ts";
import type { EndpointValue } from "../../../serving/fleet.ts";
import type { RecordKey, Store, StoredRecord } from "../../../store/store.ts";
import { type EndpointController, type EndpointWorld, endpointController } from "../endpoint/reconcile.ts";
import {
  captureOfHost,
  componentKey,
  componentsOf,
  desiredCopies,
  hostingDeletion,
  hostOf,
  placedCopies,
} from "./hosting.ts";

/** Drives inference components as endpoints of one variant are driven, within the room that their endpoint's instances have. */
export function componentController(world: EndpointWorld): EndpointController {
  return endpointController(world, {
    kind: "inference-component",
    logGroup: (name) => `/aws/sagemaker/InferenceComponents/${name}`,
    gone: (record) => [hostingDeletion(record, (record.value as ComponentValue).endpoint, record.name)],
    bounds: async (record) => await boundsOf(world.store, record as StoredRecord<ComponentValue>),
    following: async (record) => await withCaptureOfHost(world.store, record as StoredRecord<ComponentValue>),
  });
}

async function boundsOf(store: Store, record: StoredRecord<ComponentValue>) {
  const { account, region, value, status } = record;
  const endpoint = await store.get<EndpointValue>({ account, region, kind: "endpoint", name: value.endpoint });
  if (endpoint === undefined || endpoint.value.runPrefix !== value.endpointIncarnation) return "gone";
  const host = hostOf(endpoint.value, value.hostVariant);
  if (host === undefined) return { room: () => 0, refusal: () => `Variant ${value.hostVariant} is gone.` };
  const placed = placedCopies(host, await componentsOf(store, record, value.endpoint)).get(record.name) ?? 0;
  const desired = desiredCopies(value);
  const none =
    status === "Creating" && desired > 0 && placed === 0
      ? `Not enough hardware resources on the ${host.managed?.max ?? host.desiredInstanceCount} instance(s) of variant ${host.name} (${host.instanceType}) for a copy of the inference component.`
      : undefined;
  // An update has old and new copies side by side for a while; together they are no more than what is asked for and a batch.
  return { room: () => placed, ...(none !== undefined && { refusal: () => none }) };
}

/** Requests to a component are captured as its endpoint's configuration says now. */
async function withCaptureOfHost(
  store: Store,
  { account, region, value }: StoredRecord<ComponentValue>,
): Promise<ComponentValue> {
  const endpoint = await store.get<EndpointValue>({ account, region, kind: "endpoint", name: value.endpoint });
  if (endpoint === undefined || endpoint.value.runPrefix !== value.endpointIncarnation) return value;
  const settings = captureOfHost(endpoint.value);
  const fleets = value.fleets.map(({ capture: _before, ...fleet }) => ({ ...fleet, ...settings }));
  return { ...value, fleets };
}

/** Wakes components when their endpoint or another component of it changes: there may be more room, or less. */
export function wakeComponents(store: Store, log: Log, wake: (key: RecordKey) => void): () => void {
  const wakeAll = async ({ account, region, kind, name }: RecordKey): Promise<void> => {
    const endpoint = kind === "endpoint" ? name : name.slice(0, name.indexOf(" "));
    for (const component of await componentsOf(store, { account, region }, endpoint)) {
      wake(componentKey(component, component.name));
    }
  };
  return store.watch(["endpoint", "hosted-component"], (key) => {
    wakeAll(key).catch((error: unknown) => log.warn("inference components were not woken", { error }));
  });
}
