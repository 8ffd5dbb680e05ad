import type { Image } from "../../../images/image.ts";
import { channelShare, type Share, wholeShare } from "./input/channel-share.ts";
import type { InputChannel } from "./input-data.ts";
import type { TrainingJob, TrainingJobSpec } from "./training-job.ts";

/** One machine of a job: one container, one run. */
export interface Host {
  /** From 0, over all groups. */
  readonly index: number;
  /** `algo-1`..`algo-N`: what the SDKs' drivers expect, and what the hosts know each other by. */
  readonly name: string;
  readonly group: string;
  readonly instanceType: string;
  /** How many instances of the type it stands for: more than one where a job of many instances is one run. */
  readonly instances: number;
}

/** Hosts that share one instance type. */
export interface HostGroup {
  readonly name: string;
  readonly instanceType: string;
  /** May be empty. */
  readonly hosts: readonly Host[];
}

/** Group of the hosts of a job that names none. */
const onlyGroup = "homogeneousCluster";
/** A job asks for at most so many: each host is a run of its own on this machine. */
export const maxHosts = 64;

/** How many instances a request asks for, over all groups. */
export function instanceCount(spec: TrainingJobSpec): number {
  return wantedGroups(spec).reduce((sum, { count }) => sum + count, 0);
}

/**
 * How many hosts a job has: one for each instance, or one in all where the algorithm shares the work between cores
 * instead of hosts (docs/decisions/0060).
 */
export function hostCount(spec: TrainingJobSpec, image: Image): number {
  const worksAlone = image.kind === "algorithm" && !image.definition.supportsDistributedTraining;
  return worksAlone ? 1 : instanceCount(spec);
}

/** A job's hosts by group, groups in the request's order and numbered through. */
export function hostGroups({ spec, hosts: wanted }: Pick<TrainingJob, "spec" | "hosts">): readonly HostGroup[] {
  const groups = wantedGroups(spec);
  const asked = instanceCount(spec);
  if (wanted < asked) {
    const { name, instanceType } = groups[0] as WantedGroup;
    const host = { index: 0, name: hostName(0), group: name, instanceType, instances: asked };
    return [{ name, instanceType, hosts: [host] }];
  }
  let index = 0;
  return groups.map(({ name, instanceType, count }) => ({
    name,
    instanceType,
    hosts: Array.from({ length: count }, () => ({
      ...{ index, name: hostName(index++), group: name, instanceType, instances: 1 },
    })),
  }));
}

/** A job's hosts in order of their numbers. */
export function hostsOf(job: Pick<TrainingJob, "spec" | "hosts">): readonly Host[] {
  return hostGroups(job).flatMap(({ hosts }) => hosts);
}

/** What a host gets of a channel; `undefined` where the channel is for other groups. */
export function hostShare(
  job: Pick<TrainingJob, "spec" | "hosts">,
  { index, group, instances }: Host,
  channel: InputChannel,
): Share | undefined {
  // A host that stands for all instances has all of their input.
  return instances > 1 ? wholeShare : channelShare(channel, job.spec, { index, count: job.hosts, group });
}

/** Instances of one type that a request asks for. */
interface WantedGroup {
  readonly name: string;
  readonly instanceType: string;
  readonly count: number;
}

/** What a request asks for, group by group; one group for a request without groups. */
export function wantedGroups({ ResourceConfig: resources }: TrainingJobSpec): readonly WantedGroup[] {
  const groups = resources?.InstanceGroups ?? [];
  if (groups.length === 0) {
    return [{ name: onlyGroup, instanceType: resources?.InstanceType ?? "", count: resources?.InstanceCount ?? 1 }];
  }
  return groups.map(({ InstanceGroupName, InstanceType, InstanceCount }) => ({
    name: InstanceGroupName ?? onlyGroup,
    instanceType: InstanceType ?? "",
    count: InstanceCount ?? 0,
  }));
}

function hostName(index: number): string {
  return `algo-${index + 1}`;
}
