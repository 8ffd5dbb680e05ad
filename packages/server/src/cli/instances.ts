import type { ResourceConfig } from "@aws-sdk/client-sagemaker";

/** The instances that a job asked for, for people: `2 x ml.m5.large`, or each group by its name. */
export function instances({ InstanceGroups, InstanceType, InstanceCount }: ResourceConfig): string {
  if (!InstanceGroups?.length) return several(InstanceCount, InstanceType);
  return InstanceGroups.map(
    (group) => `${group.InstanceGroupName}: ${several(group.InstanceCount, group.InstanceType)}`,
  ).join(", ");
}

/** Their types, each once. */
export function instanceTypes({ InstanceGroups, InstanceType }: ResourceConfig): readonly string[] {
  const used = (InstanceGroups ?? []).filter(({ InstanceCount }) => InstanceCount !== 0);
  return [...new Set(InstanceGroups?.length ? used.map((group) => group.InstanceType ?? "") : [InstanceType ?? ""])];
}

function several(count = 1, type = ""): string {
  return `${count} x ${type}`;
}
