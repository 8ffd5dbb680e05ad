import { HostNetworks } from "../network/host-networks.ts";
import type { RunNetworks } from "../network/run-networks.ts";
import { findTools } from "../network/tools.ts";
import type { EngineFolders } from "../supervised/run-folder.ts";
import type { Supervisor } from "../supervised/supervisor.ts";

/**
 * Networks of our own for containers, which Podman lets enter a namespace that is there already: one is kept ready, and
 * it shuts off this host's services, where Podman needs a tenth of a second for each of its own.
 * @returns Undefined where they cannot be made, or the platform could not be reached from them.
 */
export async function openOwnNetworks(
  folders: EngineFolders,
  supervisor: Supervisor,
): Promise<RunNetworks | undefined> {
  const tools = findTools();
  const { ip, nft } = tools;
  const isAble = supervisor.kind === "native" && process.geteuid?.() === 0 && nft !== undefined;
  if (!isAble || ip === undefined) return undefined;
  const networks = new HostNetworks(folders, { ...tools, ip });
  await networks.sweep();
  return networks;
}
