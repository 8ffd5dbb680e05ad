import type { Attachment } from "../network/run-networks.ts";
import type { SetupStep } from "../supervised/plan.ts";

/** Steps that write how names become addresses: those of the run's network, its own among them; alone, it is its loopback. */
export function networkFiles(hostname: string, attachment: Attachment | undefined): SetupStep[] {
  const hosts = attachment?.hosts ?? [{ address: "127.0.0.1", name: hostname }];
  const lines = ["127.0.0.1 localhost", "::1 localhost", ...hosts.map(({ address, name }) => `${address} ${name}`), ""];
  const servers = attachment?.nameServers ?? [];
  const resolver = servers.map((server) => `nameserver ${server}\n`).join("");
  return [
    ["file", "/etc/hosts", lines.join("\n")],
    ...(resolver === "" ? [] : [["file", "/etc/resolv.conf", resolver] as const]),
  ];
}
