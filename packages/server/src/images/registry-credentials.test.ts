import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { findCredentials } from "./registry-credentials.ts";

let home: string;
const environment = () => ({ HOME: home, PATH: `${home}:${process.env["PATH"]}` });
const auth = (text: string) => ({ auth: Buffer.from(text).toString("base64") });

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "sagebrush-login-"));
  const write = async (path: string, content: object) => {
    await mkdir(join(home, path, ".."), { recursive: true });
    await writeFile(join(home, path), JSON.stringify(content));
  };
  await write(".docker/config.json", {
    auths: {
      "https://index.docker.io/v1/": auth("hub:secret"),
      "r.example": auth("docker:pass:word"),
      "empty.example": {},
      "token.example": { identitytoken: "t" },
    },
    credHelpers: { "helped.example": "test", "silent.example": "test" },
  });
  await write(".config/containers/auth.json", {
    auths: { "r.example/team": auth("podman:team"), "r.example/team/one": auth("podman:one") },
  });
  const program = `#!/bin/sh\nread host\n[ "$host" = helped.example ] || exit 1\necho '{"Username":"AWS","Secret":"from helper"}'\n`;
  await writeFile(join(home, "docker-credential-test"), program);
  await chmod(join(home, "docker-credential-test"), 0o755);
});
afterAll(() => rm(home, { recursive: true }));

test.for<[string | undefined, string, object | undefined]>([
  [undefined, "library/busybox", { username: "hub", password: "secret" }],
  ["docker.io", "library/busybox", { username: "hub", password: "secret" }],
  ["r.example", "other/image", { username: "docker", password: "pass:word" }],
  ["r.example", "team/two", { username: "podman", password: "team" }],
  ["r.example", "team/one", { username: "podman", password: "one" }],
  ["helped.example", "a", { username: "AWS", password: "from helper" }],
  ["silent.example", "a", undefined],
  ["empty.example", "a", undefined],
  ["token.example", "a", { username: "", password: "", identityToken: "t" }],
  ["nobody.example", "a", undefined],
])("%s/%s", async ([registry, repository, expected]) => {
  expect(await findCredentials(registry, repository, environment())).toEqual(expected);
});

test("a file that cannot be read as JSON is named", async () => {
  const file = join(home, "broken.json");
  await writeFile(file, "{");
  await expect(findCredentials("x.example", "a", { ...environment(), REGISTRY_AUTH_FILE: file })).rejects.toThrow(file);
});
