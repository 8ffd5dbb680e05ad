import { silentLog } from "../../log.ts";
import { engineContract } from "../engine-contract.ts";
import { openEngine } from "../open-engine.ts";
import { requirements, where } from "../requirements.ts";
import { nodeSupervisor } from "../supervised/supervisor.ts";

const { bubblewrap, nativeSupervisor, userNamespaces } = requirements;

where("sandboxes", [bubblewrap, userNamespaces, nativeSupervisor], () => {
  engineContract({
    name: "sandboxes",
    open: (directory) => openEngine({ directory, kind: "sandbox", log: silentLog }),
  });
});

where("sandboxes under the TypeScript supervisor", [bubblewrap, userNamespaces], () => {
  engineContract({
    name: "sandboxes under the TypeScript supervisor",
    open: (directory) => openEngine({ directory, kind: "sandbox", log: silentLog, supervisor: nodeSupervisor() }),
  });
});
