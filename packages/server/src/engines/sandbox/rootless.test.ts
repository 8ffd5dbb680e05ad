import { engineContract } from "../engine-contract.ts";
import { requirements, where } from "../requirements.ts";
import { openRootless, readableCopy, rootlessUid } from "../testkit/rootless.ts";
import { escapeChecks } from "./escape-checks.ts";

const { bubblewrap, root, userNamespaces, nativeSupervisor } = requirements;

where("sandboxes without root", [bubblewrap, userNamespaces, root, nativeSupervisor], () => {
  const candidate = {
    name: "sandboxes without root",
    open: (directory: string) => openRootless({ directory, kind: "sandbox" }),
    owner: rootlessUid,
    ...pathsOf(),
  };
  engineContract(candidate);
  escapeChecks(candidate);
  escapeChecks({ ...candidate, root: "host-tools", name: "sandboxes without root, with the host's tools" });
});

where("sandboxes without root under the TypeScript supervisor", [bubblewrap, userNamespaces, root], () => {
  escapeChecks({
    name: "sandboxes without root under the TypeScript supervisor",
    open: (directory) => openRootless({ directory, kind: "sandbox", fallback: true }),
    owner: rootlessUid,
    ...pathsOf(),
  });
});

function pathsOf(): { node: string; probe: string } {
  const { node, probe } = readableCopy();
  return { node, probe };
}
