import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { systemClock } from "./clock.ts";
import type { DockerEngine } from "./engines/docker/docker-engine.ts";
import { openDockerEngine } from "./engines/docker/open.ts";
import { PodmanService } from "./engines/docker/testkit/podman-service.ts";
import { requirements, where } from "./engines/requirements.ts";
import { engineFolders } from "./engines/supervised/run-folder.ts";
import { nodeSupervisor } from "./engines/supervised/supervisor.ts";
import { DockerImages } from "./images/docker-images.ts";
import type { ContainerStart, Preparation } from "./images/image.ts";
import { pullFailure } from "./images/image-pulls.ts";
import { silentLog } from "./log.ts";
import { ownRegistryOf } from "./own-registry-of.ts";
import { registryTokens } from "./services/ecr/registry-tokens.ts";
import { type RegistryServer, startRegistryServer } from "./services/ecr/testkit/registry-server.ts";

const account = "111122223333";
const region = "us-west-2";
const credentials = { username: "u", password: "p" };

test.for<[string, boolean, string]>([
  ["manifest unknown: manifest unknown", true, "cannot be pulled: it does not exist"],
  ["pull access denied for x, repository does not exist", true, "does not accept the credentials of u"],
  ["unauthorized: authentication required", false, "there are none: log in with docker login"],
  ["writing blob: write /var/lib: no space left on device", true, "the disk of the container engine is full"],
  [`Get "https://r.example/v2/": dial tcp: lookup r.example: no such host`, true, "r.example cannot be reached"],
  ["something new", true, "cannot be pulled: something new"],
])("a pull that ends with %s", ([said, loggedIn, expected]) => {
  const request = {
    reference: "r.example/x:1",
    registry: "r.example",
    credentials: loggedIn ? credentials : undefined,
  };
  expect(pullFailure(request, said)).toContain(expected);
});

where("images of Podman and of the server's own registry", [requirements.containers], () => {
  let podman: PodmanService;
  let registry: RegistryServer;
  let folder: string;
  let engine: DockerEngine;
  let images: DockerImages;

  beforeAll(async () => {
    podman = await PodmanService.open();
    registry = await startRegistryServer();
    folder = await mkdtemp(join(tmpdir(), "sagebrush-images-"));
    engine = await openDockerEngine({
      socketPath: podman.socketPath,
      ulimits: [],
      folders: engineFolders(folder),
      supervisor: nodeSupervisor(),
      log: silentLog,
    });
    const tokens = registryTokens(registry.server.credentials.secretAccessKey);
    const { configuration } = registry.server.platform;
    const port = () => registry.server.port;
    images = new DockerImages(
      engine,
      ownRegistryOf({ registry: registry.registry, tokens, configuration, clock: systemClock, port }),
    );
  }, 60_000);
  afterAll(async () => {
    await engine.close();
    await registry.close();
    await podman.close();
    await rm(folder, { recursive: true });
  }, 60_000);

  const start: ContainerStart = { verb: "train", environment: { OWN: "caller", MORE: "1" } };
  const request = (uri: string) => ({
    image: { kind: "container" as const, uri },
    uri,
    hasOwnCode: false,
    account,
    region,
    start,
  });
  const settled = async (uri: string): Promise<{ end: Preparation; messages: Set<string> }> => {
    const messages = new Set<string>();
    for (;;) {
      const end = await images.prepare(request(uri));
      if (end.state !== "preparing") return { end, messages };
      messages.add(end.message);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };

  test("an image that Podman has is ready, with the command and the variables that its configuration says", async () => {
    const changes = [
      'ENTRYPOINT ["/bin/run", "it"]',
      "ENV OWN=image",
      "ENV PATH=/bin",
      "WORKDIR /opt/program",
      "USER 7",
    ];
    const id = await podman.smallImage("localhost/ready", changes);
    expect(await images.prepare(request("localhost/ready"))).toEqual({
      state: "ready",
      image: {
        root: { kind: "image", reference: "localhost/ready", id, binds: [] },
        command: ["/bin/run", "it", "train"],
        environment: expect.objectContaining({ OWN: "caller", MORE: "1", PATH: "/bin" }),
        workingDirectory: "/opt/program",
        user: "7",
        notices: [],
      },
    });
  });

  test("an image that was pushed to the server's registry is pulled from there, once for all who ask, by either name", async () => {
    await registry.createRepository("team/model");
    const local = await podman.smallImage("localhost/pushed", ["ENV A=1"]);
    const target = `127.0.0.1:${registry.server.port}/team/model:3`;
    const { accessKeyId, secretAccessKey } = registry.server.credentials;
    await podman.push("localhost/pushed", target, { username: accessKeyId, password: secretAccessKey });
    await podman.forget("localhost/pushed");
    const names = [target, `${account}.dkr.ecr.${region}.amazonaws.com/team/model:3`];
    const ends = await Promise.all(names.flatMap((name) => [settled(name), settled(name)]));
    for (const { end, messages } of ends) {
      expect(end).toMatchObject({ state: "ready", image: { root: { id: local }, environment: { A: "1" } } });
      expect([...messages].join()).toMatch(/Pulling the image 127\.0\.0\.1:\d+\/team\/model@sha256:/);
    }
  });

  test("what is not there fails with the reason, and is asked for anew by whoever comes later", async () => {
    const absent = `${account}.dkr.ecr.${region}.amazonaws.com/team/model:absent`;
    expect(await images.prepare(request(absent))).toMatchObject({
      state: "failed",
      reason: expect.stringContaining("does not exist"),
    });
    const { end } = await settled("127.0.0.1:1/nobody/here:1");
    expect(end).toMatchObject({ state: "failed", reason: expect.stringContaining("127.0.0.1:1 cannot be reached") });
  });

  test("images that are no containers are not its business", () => {
    expect(images.refusal({ kind: "framework", uri: "x", repository: "x", tag: "1" })).toContain(
      "container images only",
    );
    expect(images.refusal({ kind: "container", uri: "x" })).toBeUndefined();
  });
});
