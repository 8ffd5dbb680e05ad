import type { Engine, RunState } from "../../engines/engine.ts";
import type { Store } from "../../store/store.ts";
import { routeName } from "../components/component.ts";
import { servedRecords } from "../components/served-records.ts";
import { containersOf, runIdsOf, type ServingContainer, type Variant } from "../fleet.ts";
import type { FrontMember, FrontOwner, Fronts } from "./fronts.ts";

/** What says what an instance consists of. */
type InstancePlan = Pick<Variant, "container" | "further" | "execution" | "instanceType">;

/** What is seen of an instance. */
export interface ServerSight {
  readonly state: RunState;
  /** The run whose log tells why it ended: that of the first container that did. */
  readonly toldBy: string;
  /** That container's name, where there are several. */
  readonly container?: string;
}

/** What looking takes. */
interface Looking {
  readonly engine: Pick<Engine, "observe">;
  readonly fronts: Fronts;
}

/** Whether requests reach an instance through a front. */
export function hasFront({ container, further = [] }: Pick<InstancePlan, "container" | "further">): boolean {
  return further.length > 0 || container.multiModel !== undefined;
}

/**
 * Looks at an instance, whose containers are one thing to whoever asks: it runs when all of them do, at the address of
 * their front, and has ended when one of them has.
 * @param owner - The variant that it belongs to; none for batch transforms.
 */
export async function observeServer(
  { engine, fronts }: Looking,
  plan: InstancePlan,
  runId: string,
  owner?: FrontOwner,
): Promise<ServerSight> {
  if (!hasFront(plan)) return { state: await engine.observe(runId), toldBy: runId };
  const runIds = runIdsOf(plan, runId);
  const containers = containersOf(plan);
  const names = containers.map(({ name = "primary" }) => name);
  const states = await Promise.all(runIds.map((id) => engine.observe(id)));
  const seen = (index: number): ServerSight => ({
    state: states[index] as RunState,
    toldBy: runIds[index] as string,
    ...(names.length > 1 && { container: names[index] as string }),
  });
  const over = states.findIndex(({ phase }) => phase === "exited" || phase === "lost");
  if (over >= 0) return seen(over);
  // The first one is started last: without it the start is not over, and without another one that one is gone.
  if (states[0]?.phase === "absent") return seen(0);
  const gone = states.findIndex(({ phase }) => phase === "absent");
  if (gone >= 0) return { ...seen(gone), state: { phase: "lost", reason: `container ${names[gone]} is gone` } };
  const members = states.flatMap((state, index): FrontMember[] => {
    if (state.phase !== "running") return [];
    const { multiModel, hasVolumeKey = false } = containers[index] as ServingContainer;
    const models = multiModel && { ...multiModel, instanceType: plan.instanceType, isInMemory: hasVolumeKey };
    const { address } = state;
    return [{ name: names[index] as string, runId: runIds[index] as string, address, ...(models && { models }) }];
  });
  if (members.length < states.length) return { state: { phase: "pending" }, toldBy: runId };
  const startedAt = Math.max(...states.map((state) => (state.phase === "running" ? state.startedAt : 0)));
  const { execution = "serial" } = plan;
  const address = await fronts.open(runId, { execution, members, ...(owner && { owner }) });
  return { state: { phase: "running", startedAt, address }, toldBy: runId };
}

/** Opens the fronts of the endpoints that a server before this one had, as far as their containers still run. */
export async function reopenFronts(looking: Looking, store: Pick<Store, "list">): Promise<void> {
  for await (const record of servedRecords(store)) {
    const { account, region, name } = routeName(record);
    for (const variant of record.value.fleets.flatMap(({ variants }) => variants).filter(hasFront)) {
      const owner = { account, region, endpoint: name, variant: variant.name };
      for (const { runId } of variant.instances) await observeServer(looking, variant, runId, owner);
    }
  }
}
