import { silentLog } from "../../log.ts";
import { engineContract } from "../engine-contract.ts";
import { openEngine } from "../open-engine.ts";
import { requirements, where } from "../requirements.ts";
import { nodeSupervisor } from "../supervised/supervisor.ts";

where("plain processes", [requirements.nativeSupervisor], () => {
  engineContract({
    name: "plain processes",
    open: (directory) => openEngine({ directory, kind: "process", log: silentLog }),
  });
});

engineContract({
  name: "plain processes under the TypeScript supervisor",
  open: (directory) => openEngine({ directory, kind: "process", log: silentLog, supervisor: nodeSupervisor() }),
});
