import type { Gpus } from "../gpus/gpus.ts";
import { hostGpus } from "../gpus/nvidia.ts";
import { gpusOf, instanceType } from "../instance-types/instance-types.ts";

/** What says how many accelerators an instance has. */
export interface AcceleratedPlan {
  readonly instanceType: string;
  /** `ml.eia2.medium`: a share of one, attached to a type without. */
  readonly acceleratorType?: string;
}

/** How many of the host's GPUs an instance is to have, if they are there. */
export function gpusWanted({ instanceType: name, acceleratorType }: AcceleratedPlan): number {
  const type = instanceType(name);
  const own = type === undefined ? 0 : gpusOf(type);
  return own === 0 && acceleratorType !== undefined ? 1 : own;
}

/**
 * The host's GPUs that an instance has: as many as its type, or all. Instances begin one after the other's last, so that
 * those of an endpoint are spread evenly; where there are more instances than GPUs, they share.
 * @param runId - Ends with the instance's number.
 */
export function gpusOfInstance(
  plan: AcceleratedPlan,
  runId: string,
  gpus: Pick<Gpus, "all"> = hostGpus(),
): readonly string[] {
  const all = gpus.all.map(({ uuid }) => uuid);
  const count = Math.min(gpusWanted(plan), all.length);
  if (count === 0) return [];
  const number = Number(/\d+$/u.exec(runId)?.[0] ?? 0);
  const first = (number * count) % all.length;
  const taken = new Set(Array.from({ length: count }, (_, at) => all[(first + at) % all.length]));
  // In the machine's order, as CUDA counts them.
  return all.filter((uuid) => taken.has(uuid));
}
