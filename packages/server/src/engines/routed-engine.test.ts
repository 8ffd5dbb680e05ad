import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { silentLog } from "../log.ts";
import { PodmanService, podmanLimits } from "./docker/testkit/podman-service.ts";
import { type Engine, EngineUnavailable, type ImageRoot, isIsolated, showsHostPaths } from "./engine.ts";
import { engineContract } from "./engine-contract.ts";
import { openEngines } from "./open-engines.ts";
import { requirements, where } from "./requirements.ts";
import { RoutedEngine } from "./routed-engine.ts";
import { inPhase, until, Workshop } from "./testkit/workshop.ts";

const { bubblewrap, containers, nativeSupervisor, userNamespaces } = requirements;

where("sandboxes beside containers", [bubblewrap, userNamespaces, nativeSupervisor, containers], () => {
  let podman: PodmanService;
  let image: ImageRoot;
  const settings = () => ({
    kind: "docker" as const,
    dockerHost: podman.socketPath,
    containerSettings: { ulimits: podmanLimits },
    log: silentLog,
  });
  beforeAll(async () => {
    podman = await PodmanService.open();
    const id = await podman.baseImage("localhost/base");
    image = { kind: "image", reference: "localhost/base", id, binds: [] };
  }, 60_000);
  afterAll(() => podman?.close(), 60_000);

  engineContract({
    name: "sandboxes beside containers",
    open: async (directory) => (await openEngines({ directory, ...settings() })).engine,
  });

  describe("images", () => {
    let shop: Workshop;
    beforeAll(async () => {
      shop = await Workshop.open();
    });
    afterAll(() => shop.close());

    test("run in containers, whose runs are found like any other", async () => {
      const { engine, docker } = await openEngines({ directory: shop.engineDirectory, ...settings() });
      await engine.start(
        "contained",
        await shop.run("contained", ["/bin/sh", "-c", "ls /bin | wc -l"], { root: image }),
      );
      await engine.start("sandboxed", await shop.script("sandboxed", "setInterval(() => {}, 1000)"));
      expect(await until(engine, "contained", inPhase("exited"))).toMatchObject({ exitCode: 0 });
      expect(Number((await shop.logLines("contained"))[0])).toBeGreaterThan(100);
      expect(await docker?.list()).toEqual(["contained"]);
      expect(await engine.list()).toEqual(["contained", "sandboxed"]);
      await engine.stop("sandboxed", 5000);
      await until(engine, "sandboxed", inPhase("exited"));
      for (const id of await engine.list()) await engine.remove(id);
      expect(await engine.list()).toEqual([]);
      await engine.close();
    });
  });
});

test("a host with containers and plain processes isolates the ones and not the others", () => {
  const only = (isolation: boolean) =>
    ({ name: "x", capabilities: { isolation, memoryLimit: true, cpuLimit: true, notices: [] } }) as unknown as Engine;
  const engine = new RoutedEngine(only(false), only(true));
  expect(isIsolated(engine, "image")).toBe(true);
  expect((["files", "host-tools", "layers"] as const).map((root) => isIsolated(engine, root))).toEqual([
    false,
    false,
    false,
  ]);
  expect(engine.capabilities.isolation).toBe(false); // not for every run
});

test("a host with containers and plain processes shows the host's paths to the ones that are not contained", () => {
  const home = { name: "x", capabilities: { hostPaths: true, isolation: false, notices: [] } } as unknown as Engine;
  const containers = { name: "y", capabilities: { isolation: true, notices: [] } } as unknown as Engine;
  const engine = new RoutedEngine(home, containers);
  expect((["files", "host-tools", "image"] as const).map((root) => showsHostPaths(engine, root))).toEqual([
    true,
    true,
    false,
  ]);
  expect(engine.capabilities.hostPaths).toBeUndefined(); // not for every run
});

describe("a container engine that does not answer", () => {
  let shop: Workshop;
  beforeAll(async () => {
    shop = await Workshop.open();
  });
  afterAll(() => shop.close());
  const open = (kind: "auto" | "docker", directory = shop.engineDirectory) =>
    openEngines({
      kind,
      directory,
      dockerHost: join(shop.root, "nobody.sock"),
      containerSettings: { ulimits: [] },
      log: silentLog,
    });

  test("keeps nothing else from running, and its notice says so", async () => {
    const { engine } = await open("auto");
    expect(engine.capabilities.notices.join()).toContain("container images cannot run");
    await engine.start("x", await shop.script("x", ""));
    expect(await until(engine, "x", inPhase("exited"))).toMatchObject({ exitCode: 0 });
    await engine.remove("x");
    const root: ImageRoot = { kind: "image", reference: "r", id: "sha256:1", binds: [] };
    await expect(engine.start("y", await shop.run("y", ["/x"], { root }))).rejects.toThrow(EngineUnavailable);
    await engine.close();
  });

  test("is refused where it was asked for", async () => {
    await expect(open("docker")).rejects.toThrow(EngineUnavailable);
  });
});
