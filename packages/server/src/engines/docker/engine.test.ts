import { afterAll, beforeAll } from "vitest";
import { silentLog } from "../../log.ts";
import type { ImageRoot } from "../engine.ts";
import { engineContract } from "../engine-contract.ts";
import { requirements, where } from "../requirements.ts";
import { engineFolders } from "../supervised/run-folder.ts";
import { nativeSupervisor, nodeSupervisor } from "../supervised/supervisor.ts";
import { containerChecks } from "./container-checks.ts";
import { openDockerEngine } from "./open.ts";
import { PodmanService, podmanLimits } from "./testkit/podman-service.ts";

where("containers under Podman", [requirements.containers], () => {
  let podman: PodmanService;
  const root = {
    kind: "image",
    reference: "localhost/base",
    id: "",
    binds: [{ source: process.execPath, target: "/opt/sagebrush/bin/node" }],
  } satisfies ImageRoot;

  beforeAll(async () => {
    podman = await PodmanService.open();
    root.id = await podman.baseImage("localhost/base");
  }, 60_000);
  afterAll(() => podman?.close(), 60_000);

  const containersOf = async (id: string) => {
    const query = { filters: { name: [`-${id}$`] } };
    const found = await podman.api.json<readonly { Id: string }[]>({ method: "GET", path: "/containers/json", query });
    return found.map(({ Id }) => Id);
  };

  const open = (directory: string, platformSocket?: string) =>
    openDockerEngine({
      socketPath: podman.socketPath,
      ulimits: podmanLimits,
      folders: engineFolders(directory),
      supervisor: nativeSupervisor() ?? nodeSupervisor(),
      platformSocket,
      log: silentLog,
    });

  containerChecks(root, open, {
    socketPath: () => podman.socketPath,
    async removeContainerOf(id) {
      const name = (await containersOf(id))[0];
      await podman.api.json({ method: "DELETE", path: `/containers/${name}`, query: { force: 1 } });
    },
  });

  engineContract({
    name: "containers under Podman",
    root,
    ownVariables: ["HOME", "HOSTNAME", "PATH", "TERM", "container"],
    open: (directory) => open(directory),
    killSupervisor: async (id) => {
      const name = (await containersOf(id))[0];
      const { State } = await podman.api.json<{ State: { ConmonPid: number } }>({
        method: "GET",
        path: `/v4.0.0/libpod/containers/${name}/json`,
      });
      process.kill(State.ConmonPid, "SIGKILL");
    },
  });
});
