import { expect, test } from "vitest";
import { findEngineSocket } from "./docker-host.ts";

const env = { HOME: "/home/u", XDG_RUNTIME_DIR: "/run/user/7" };

test.for<[string, string, Record<string, string>, string[], string | undefined]>([
  ["the setting comes first", "unix:///s", { DOCKER_HOST: "unix:///d" }, ["/var/run/docker.sock"], "/s"],
  ["a plain path will do", "/s", {}, [], "/s"],
  ["then DOCKER_HOST", "", { DOCKER_HOST: "unix:///d" }, ["/var/run/docker.sock"], "/d"],
  ["then Docker's socket", "", {}, ["/run/podman/podman.sock", "/var/run/docker.sock"], "/var/run/docker.sock"],
  ["Podman's", "", {}, ["/run/podman/podman.sock"], "/run/podman/podman.sock"],
  ["the user's own", "", {}, ["/run/user/7/podman/podman.sock"], "/run/user/7/podman/podman.sock"],
  ["Docker Desktop's", "", {}, ["/home/u/.docker/run/docker.sock"], "/home/u/.docker/run/docker.sock"],
  ["none is there", "", {}, [], undefined],
  ["none is wanted", "none", { DOCKER_HOST: "unix:///d" }, ["/var/run/docker.sock"], undefined],
])("%s", ([, setting, more, there, expected]) => {
  expect(findEngineSocket(setting, { ...env, ...more }, (path) => there.includes(path))).toBe(expected);
});

test("an engine of another machine is refused", () => {
  expect(() => findEngineSocket("", { DOCKER_HOST: "tcp://10.0.0.1:2375" })).toThrow(/Unix socket/);
});
