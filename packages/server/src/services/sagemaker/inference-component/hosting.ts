import { validationException } from "../../../errors.ts";
import { instanceType } from "../../../instance-types/instance-types.ts";
import type { Scope } from "../../../scope.ts";
import type { ComponentValue } from "../../../serving/components/component.ts";
import type { Needs } from "../../../serving/components/needs.ts";
import { place } from "../../../serving/components/placement.ts";
import { type EndpointValue, type Fleet, fleetOf, type Variant } from "../../../serving/fleet.ts";
import type { RecordKey, Store, StoredRecord, Write } from "../../../store/store.ts";
import type { OperationPlace } from "../../service.ts";

/** Most components of one endpoint. */
export const mostComponents = 200;

type Account = Pick<Scope, "account" | "region">;

/** The key of a component's record. */
export function componentKey({ account, region }: Account, name: string): RecordKey {
  return { account, region, kind: "inference-component", name };
}

/** Ties a component to its endpoint, by which it is found. */
export function hostingWrite(scope: Account, endpoint: string, name: string): Write {
  return { op: "put", key: hostingKey(scope, endpoint, name), value: { component: name } };
}

/** Takes a component off its endpoint. */
export function hostingDeletion(scope: Account, endpoint: string, name: string): Write {
  return { op: "delete", key: hostingKey(scope, endpoint, name) };
}

function hostingKey({ account, region }: Account, endpoint: string, name: string): RecordKey {
  return { account, region, kind: "hosted-component", name: `${endpoint} ${name}` };
}

/** The components of an endpoint, the oldest first. */
export async function componentsOf(
  store: Store,
  { account, region }: Account,
  endpoint: string,
): Promise<StoredRecord<ComponentValue>[]> {
  const { records } = await store.list<{ component: string }>({
    ...{ kind: "hosted-component", account, region, prefix: `${endpoint} `, limit: 1_000 },
  });
  const found = await Promise.all(
    records.map(({ value }) => store.get<ComponentValue>(componentKey({ account, region }, value.component))),
  );
  return found
    .flatMap((record) => record ?? [])
    .sort((a, b) => a.createdAt - b.createdAt || (a.name < b.name ? -1 : 1));
}

/** @throws ValidationException when components are on the endpoint. */
export async function checkNoComponents({ scope, platform }: OperationPlace, endpoint: string): Promise<void> {
  const [first] = await componentsOf(platform.store, scope, endpoint);
  if (first === undefined) return;
  throw validationException(
    `Cannot delete endpoint ${endpoint}: it has inference components (${first.name}). Delete them first.`,
  );
}

/**
 * An update must leave components where they are.
 * @throws ValidationException when a component's variant is gone after it, or has instances that cannot hold a copy.
 */
export async function checkHosts({ scope, platform }: OperationPlace, endpoint: string, next: Fleet): Promise<void> {
  for (const { name, value } of await componentsOf(platform.store, scope, endpoint)) {
    const host = next.variants.find((variant) => variant.hostsComponents && variant.name === value.hostVariant);
    if (
      host !== undefined &&
      place(1, roomOf(host.instanceType), [{ name, copies: 1, needs: needsOf(value) }]).get(name)
    ) {
      continue;
    }
    throw validationException(
      `Inference component ${name} of endpoint ${endpoint} would have no place: variant "${value.hostVariant}" of the new endpoint configuration is not there, has a model of its own, or has too small instances.`,
    );
  }
}

/** The variant of an endpoint that components are on; `undefined` when there is none. */
export function hostOf({ fleets }: EndpointValue, name?: string): Variant | undefined {
  const fleet = fleetOf({ fleets } as EndpointValue, "active") ?? fleetOf({ fleets } as EndpointValue, "incoming");
  return fleet?.variants.find((variant) => variant.hostsComponents && (name === undefined || variant.name === name));
}

/** What is kept of requests to the components of an endpoint, as a fleet of copies has it. */
export function captureOfHost(endpoint: EndpointValue): Pick<Fleet, "capture"> {
  const { capture } = fleetOf(endpoint, "active") ?? fleetOf(endpoint, "incoming") ?? {};
  return capture === undefined ? {} : { capture };
}

/** What an instance of a type has for its components. */
export function roomOf(typeName: string): Needs {
  const type = instanceType(typeName);
  return {
    cores: type?.vcpus ?? 0,
    accelerators: type?.accelerators ?? 0,
    memoryBytes: type?.memoryBytes ?? 0,
  };
}

/** How many copies of each component have a place on the host's instances. */
export function placedCopies(host: Variant, components: readonly StoredRecord<ComponentValue>[]): Map<string, number> {
  const wanted = components
    .filter(({ status }) => status !== "Deleting" && status !== "Failed")
    .map(({ name, value }) => ({ name, copies: desiredCopies(value), needs: needsOf(value) }));
  return place(host.managed?.max ?? host.desiredInstanceCount, roomOf(host.instanceType), wanted);
}

/** How many instances the host has: what was asked for, or the fewest that hold all copies that have a place. */
export function instancesOf(host: Variant, components: readonly StoredRecord<ComponentValue>[]): number {
  const { managed } = host;
  if (managed === undefined) return host.desiredInstanceCount;
  const sum = (placed: ReadonlyMap<string, number>) => [...placed.values()].reduce((all, copies) => all + copies, 0);
  const most = sum(placedCopies(host, components));
  for (let count = managed.min; count < managed.max; count++) {
    if (sum(placedCopies({ ...host, managed: { ...managed, max: count } }, components)) === most) return count;
  }
  return managed.max;
}

/** Old and new copies of an update need no room twice: all are on one machine, and it is over soon. */
function needsOf(value: EndpointValue): Needs {
  const fleet = fleetOf(value, "active") ?? fleetOf(value, "incoming");
  return fleet?.component?.needs ?? { cores: 0, accelerators: 0, memoryBytes: 0 };
}

/** How many copies are asked for. */
export function desiredCopies(value: EndpointValue): number {
  const fleet = fleetOf(value, "active") ?? fleetOf(value, "incoming");
  return fleet?.variants[0]?.desiredInstanceCount ?? 0;
}
