import type { Network } from "../../../engines/engine.ts";
import type { PreparedImage } from "../../../images/image.ts";
import { hostsOf } from "./hosts.ts";
import { runPrefix, type TrainingJobRecord } from "./training-job.ts";

/**
 * What the hosts of a job can reach: each other, and unless it is isolated the platform and the internet. A built-in
 * algorithm that works alone needs nothing, and so has nothing.
 */
export function jobNetwork(record: TrainingJobRecord, { root }: Pick<PreparedImage, "root">): Network {
  const { spec, hosts } = record.value;
  if (root.kind === "files" && hosts === 1) return { kind: "none" };
  return {
    kind: "bridge",
    name: runPrefix(record),
    hosts: hostsOf(record.value).map(({ name }) => name),
    internet: !spec.EnableNetworkIsolation,
    encrypted: hosts > 1 && spec.EnableInterContainerTrafficEncryption === true,
  };
}
