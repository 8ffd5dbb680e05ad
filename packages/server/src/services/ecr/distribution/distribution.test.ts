import { createHash, randomBytes } from "node:crypto";
import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { UPLOAD_RETENTION_MS } from "../../../registry/collect-images.ts";
import {
  manifestOf,
  ociIndex,
  ociManifest,
  type RegistryServer,
  sha256,
  startRegistryServer,
} from "../testkit/registry-server.ts";

let now = Date.parse("2026-11-30T12:00:00Z");
let it: RegistryServer;
let names = 0;

beforeAll(async () => {
  it = await startRegistryServer({ clock: { now: () => now } });
});
afterAll(() => it.close());

async function newRepository(): Promise<string> {
  const repositoryName = `team/repo-${++names}`;
  await it.createRepository(repositoryName);
  return repositoryName;
}

/** Pushes an image of one layer under a tag. @returns The manifest's digest, and the layer's. */
async function pushImage(name: string, tag: string, layer: string, more: Readonly<Record<string, unknown>> = {}) {
  const config = JSON.stringify({ architecture: "amd64", layer });
  const blobs = [
    { digest: await it.pushBlob(name, config), size: config.length },
    { digest: await it.pushBlob(name, layer), size: layer.length },
  ];
  const body = manifestOf(blobs, more);
  const pushed = await it.call("PUT", `${name}/manifests/${tag}`, { body, headers: { "content-type": ociManifest } });
  expect(pushed.status).toBe(201);
  return { digest: sha256(body), body, layer: blobs[1]?.digest as string };
}

async function errorOf(response: Response): Promise<{ status: number; code: string }> {
  const { errors } = (await response.json()) as { errors: { code: string; message: string }[] };
  return { status: response.status, code: errors[0]?.code as string };
}

async function begin(name: string): Promise<string> {
  const begun = await it.call("POST", `${name}/blobs/uploads/`);
  expect(begun.status).toBe(202);
  return begun.headers.get("location") as string;
}

describe("who may come in", () => {
  test("a stranger is told how to log in, in the form that clients expect", async () => {
    const refused = await it.call("GET", "", { headers: { authorization: "" } });
    expect(refused.headers.get("www-authenticate")).toMatch(
      /^Basic realm="127\.0\.0\.1:\d+",service="ecr.amazonaws.com"$/,
    );
    expect(await errorOf(refused)).toEqual({ status: 401, code: "UNAUTHORIZED" });
    const welcome = await it.call("GET", "");
    expect([welcome.status, await welcome.json()]).toEqual([200, {}]);
  });

  test.for([
    ["a wrong secret", (key: string) => `${key}:wrong`],
    ["an unknown key", () => "AKIAAAAAAAAAAAAAAAAA:x"],
    ["a forged token", () => "AWS:W10.AAAA"],
    ["no colon", () => "AWS"],
  ] as const)("%s opens nothing", async ([, pair]) => {
    const authorization = `Basic ${Buffer.from(pair(it.server.credentials.accessKeyId)).toString("base64")}`;
    expect((await it.call("GET", "", { headers: { authorization } })).status).toBe(401);
  });

  test("a web page is refused even with a password", async () => {
    const refused = await it.call("GET", "", { headers: { origin: "https://example.com" } });
    expect(await errorOf(refused)).toEqual({ status: 403, code: "DENIED" });
  });

  test("foreign host names are not answered, the registry's own host name is, for its account alone", async () => {
    const ask = (host: string) =>
      new Promise<string>((resolve, reject) => {
        const socket = connect(it.server.port, "127.0.0.1", () =>
          socket.write(
            `GET /v2/ HTTP/1.1\r\nhost: ${host}\r\nauthorization: ${it.authorization}\r\nconnection: close\r\n\r\n`,
          ),
        );
        let text = "";
        socket.on("data", (bytes: Buffer) => (text += bytes.toString()));
        socket.on("end", () => resolve(text.split(" ")[1] ?? ""));
        socket.on("error", reject);
      });
    expect(await ask("evil.example.com")).toBe("421");
    expect(await ask("111122223333.dkr.ecr.eu-west-1.amazonaws.com")).toBe("200");
    expect(await ask("999999999999.dkr.ecr.eu-west-1.amazonaws.com")).toBe("403");
  });
});

describe("blobs", () => {
  test("a blob in one request, read whole, in ranges and by its head", async () => {
    const name = await newRepository();
    const bytes = randomBytes(100_000);
    const digest = await it.pushBlob(name, bytes);
    const whole = await it.call("GET", `${name}/blobs/${digest}`);
    expect(Buffer.from(await whole.arrayBuffer()).equals(bytes)).toBe(true);
    expect(whole.headers.get("docker-content-digest")).toBe(digest);
    const head = await it.call("HEAD", `${name}/blobs/${digest}`);
    expect([head.status, head.headers.get("content-length")]).toEqual([200, "100000"]);
    const range = async (header: string) => {
      const part = await it.call("GET", `${name}/blobs/${digest}`, { headers: { range: header } });
      return [part.status, part.headers.get("content-range"), Buffer.from(await part.arrayBuffer())] as const;
    };
    expect(await range("bytes=5-9")).toEqual([206, "bytes 5-9/100000", bytes.subarray(5, 10)]);
    expect(await range("bytes=99990-")).toEqual([206, "bytes 99990-99999/100000", bytes.subarray(99_990)]);
    expect(await range("bytes=-3")).toEqual([206, "bytes 99997-99999/100000", bytes.subarray(99_997)]);
    expect((await range("bytes=100000-"))[0]).toBe(416);
  });

  test("a chunked upload of several megabytes, resumed where it stood", async () => {
    const name = await newRepository();
    const bytes = randomBytes(3_000_000);
    const location = await begin(name);
    const patch = (from: number, to: number) =>
      it.call("PATCH", location, {
        body: bytes.subarray(from, to),
        headers: { "content-range": `${from}-${to - 1}`, "content-type": "application/octet-stream" },
      });
    const first = await patch(0, 1_000_000);
    expect([first.status, first.headers.get("range")]).toEqual([202, "0-999999"]);
    // The client lost the answer and sends something that does not follow.
    const lost = await patch(500_000, 1_500_000);
    expect([lost.status, lost.headers.get("range")]).toEqual([416, "0-999999"]);
    const state = await it.call("GET", location);
    expect([state.status, state.headers.get("range")]).toEqual([204, "0-999999"]);
    expect((await patch(1_000_000, 2_000_000)).status).toBe(202);
    const digest = sha256(bytes);
    const end = await it.call("PUT", `${location}?digest=${digest}`, { body: bytes.subarray(2_000_000) });
    expect([end.status, end.headers.get("location")]).toEqual([201, `/v2/${name}/blobs/${digest}`]);
    const read = Buffer.from(await (await it.call("GET", `${name}/blobs/${digest}`)).arrayBuffer());
    expect(createHash("sha256").update(read).digest("hex")).toBe(digest.slice(7));
    expect(await errorOf(await it.call("GET", location))).toEqual({ status: 404, code: "BLOB_UPLOAD_UNKNOWN" });
  });

  test("a connection that breaks leaves the upload where it was", async () => {
    const name = await newRepository();
    const location = await begin(name);
    await new Promise<void>((resolve) => {
      const socket = connect(it.server.port, "127.0.0.1", () => {
        socket.write(
          `PATCH ${location} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: ${it.authorization}\r\ncontent-length: 100000\r\n\r\nhello`,
          () => socket.destroy(),
        );
      });
      socket.on("close", () => resolve());
    });
    await it.call("PATCH", location, { body: "hello" });
    const digest = sha256("hello");
    expect((await it.call("PUT", `${location}?digest=${digest}`)).status).toBe(201);
    expect(await (await it.call("GET", `${name}/blobs/${digest}`)).text()).toBe("hello");
  });

  test.for<[string, (name: string) => Promise<Response>, number, string]>([
    [
      "a wrong digest",
      (n) => it.call("POST", `${n}/blobs/uploads/?digest=${sha256("a")}`, { body: "b" }),
      400,
      "DIGEST_INVALID",
    ],
    [
      "no digest at all",
      (n) => it.call("POST", `${n}/blobs/uploads/?digest=md5:1`, { body: "b" }),
      400,
      "DIGEST_INVALID",
    ],
    ["a blob that is not there", (n) => it.call("GET", `${n}/blobs/${sha256("none")}`), 404, "BLOB_UNKNOWN"],
    [
      "an upload that is not there",
      (n) => it.call("PATCH", `${n}/blobs/uploads/x`, { body: "b" }),
      404,
      "BLOB_UPLOAD_UNKNOWN",
    ],
    ["a repository that is not there", () => it.call("POST", "nobody/blobs/uploads/"), 404, "NAME_UNKNOWN"],
    ["a name that cannot be", () => it.call("GET", "Team/UPPER/tags/list"), 400, "NAME_INVALID"],
    ["a path out of the tree", () => it.call("GET", "..%2f..%2fetc/blobs/x"), 400, "NAME_INVALID"],
    ["another method", (n) => it.call("POST", `${n}/manifests/x`), 405, "UNSUPPORTED"],
  ])("%s is refused in the specification's form", async ([, act, status, code]) => {
    expect(await errorOf(await act(await newRepository()))).toEqual({ status, code });
  });

  test("after a wrong digest the upload can still end rightly", async () => {
    const name = await newRepository();
    const location = await begin(name);
    await it.call("PATCH", location, { body: "layer" });
    expect((await it.call("PUT", `${location}?digest=${sha256("other")}`)).status).toBe(400);
    expect((await it.call("PUT", `${location}?digest=${sha256("layer")}`)).status).toBe(201);
  });

  test("a mount shows a blob of another repository; without one it is an ordinary upload", async () => {
    const [from, to] = [await newRepository(), await newRepository()];
    const digest = await it.pushBlob(from, "shared layer");
    expect((await it.call("HEAD", `${to}/blobs/${digest}`)).status).toBe(404);
    expect((await it.call("POST", `${to}/blobs/uploads/?mount=${sha256("x")}&from=${from}`)).status).toBe(202);
    expect((await it.call("POST", `${to}/blobs/uploads/?mount=${digest}&from=nobody`)).status).toBe(202);
    const mounted = await it.call("POST", `${to}/blobs/uploads/?mount=${digest}&from=${from}`);
    expect([mounted.status, mounted.headers.get("location")]).toEqual([201, `/v2/${to}/blobs/${digest}`]);
    expect(await (await it.call("GET", `${to}/blobs/${digest}`)).text()).toBe("shared layer");
  });

  test("two uploads of one blob at once end well, and the bytes are kept once", async () => {
    const name = await newRepository();
    const bytes = randomBytes(300_000);
    const locations = await Promise.all([begin(name), begin(name)]);
    await Promise.all(locations.map((location) => it.call("PATCH", location, { body: bytes })));
    const ends = await Promise.all(locations.map((each) => it.call("PUT", `${each}?digest=${sha256(bytes)}`)));
    expect(ends.map(({ status }) => status)).toEqual([201, 201]);
  });
});

describe("manifests and tags", () => {
  test("an image is found by tag and by digest, byte for byte", async () => {
    const name = await newRepository();
    const { digest, body } = await pushImage(name, "v1", "layer");
    for (const reference of ["v1", digest]) {
      const found = await it.call("GET", `${name}/manifests/${reference}`, { headers: { accept: ociManifest } });
      expect([found.status, found.headers.get("content-type"), await found.text()]).toEqual([200, ociManifest, body]);
      const head = await it.call("HEAD", `${name}/manifests/${reference}`);
      expect(head.headers.get("docker-content-digest")).toBe(digest);
    }
  });

  test("heads of blobs and manifests tell the same, and what a client has already is not sent again", async () => {
    const name = await newRepository();
    const { digest, layer } = await pushImage(name, "v1", "known layer");
    for (const [path, what] of [
      [`${name}/manifests/v1`, digest],
      [`${name}/manifests/${digest}`, digest],
      [`${name}/blobs/${layer}`, layer],
    ] as const) {
      const head = await it.call("HEAD", path);
      const [etag, named] = ["etag", "docker-content-digest"].map((header) => head.headers.get(header));
      expect({ status: head.status, etag, named }).toEqual({ status: 200, etag: `"${what}"`, named: what });
      const again = await it.call("GET", path, { headers: { "if-none-match": `"sha256:other", "${what}"` } });
      expect({ status: again.status, body: await again.text() }).toEqual({ status: 304, body: "" });
      const other = await it.call("GET", path, { headers: { "if-none-match": `"sha256:other"` } });
      expect(other.status).toBe(200);
      await other.arrayBuffer();
    }
  });

  test("a tag moves, also from a manifest to the index that lists it", async () => {
    const name = await newRepository();
    const first = await pushImage(name, "latest", "one");
    const second = await pushImage(name, "latest", "two");
    expect((await it.call("HEAD", `${name}/manifests/latest`)).headers.get("docker-content-digest")).toBe(
      second.digest,
    );
    const index = JSON.stringify({
      schemaVersion: 2,
      mediaType: ociIndex,
      manifests: [first, second].map((each) => ({
        mediaType: ociManifest,
        digest: each.digest,
        size: each.body.length,
      })),
    });
    const pushed = await it.call("PUT", `${name}/manifests/latest`, {
      body: index,
      headers: { "content-type": ociIndex },
    });
    expect(pushed.status).toBe(201);
    expect(await (await it.call("GET", `${name}/manifests/latest`)).text()).toBe(index);
    // A part of an index stays while the index does.
    expect((await it.call("DELETE", `${name}/manifests/${first.digest}`)).status).toBe(405);
    expect((await it.call("DELETE", `${name}/manifests/${sha256(index)}`)).status).toBe(202);
    expect((await it.call("DELETE", `${name}/manifests/${first.digest}`)).status).toBe(202);
  });

  test.for<[string, string | undefined, string, number, string]>([
    ["no JSON", undefined, "{", 400, "MANIFEST_INVALID"],
    ["an unknown type", "text/plain", "{}", 400, "MANIFEST_INVALID"],
    ["two types", ociIndex, manifestOf([{ digest: sha256("x"), size: 1 }]), 400, "MANIFEST_INVALID"],
    [
      "a layer that is not there",
      ociManifest,
      manifestOf([{ digest: sha256("x"), size: 1 }]),
      404,
      "MANIFEST_BLOB_UNKNOWN",
    ],
    ["a digest that is none", ociManifest, manifestOf([{ digest: "sha256:x", size: 1 }]), 400, "MANIFEST_INVALID"],
  ])("%s is refused", async ([, contentType, body, status, code]) => {
    const name = await newRepository();
    const headers = contentType === undefined ? {} : { "content-type": contentType };
    expect(await errorOf(await it.call("PUT", `${name}/manifests/v1`, { body, headers }))).toEqual({ status, code });
  });

  test("a manifest of more than 4 MiB is refused", async () => {
    const name = await newRepository();
    const body = Buffer.alloc(4 * 2 ** 20 + 1, " ");
    const refused = await it.call("PUT", `${name}/manifests/v1`, { body, headers: { "content-type": ociManifest } });
    expect(refused.status).toBeGreaterThanOrEqual(400);
    expect((await it.call("GET", "")).status).toBe(200);
  });

  test("tags are listed in order and in pages that follow their links", async () => {
    const name = await newRepository();
    for (const tag of ["c", "a", "d", "b"]) await pushImage(name, tag, "layer");
    const seen: string[][] = [];
    for (let path: string | undefined = `${name}/tags/list?n=2`; path !== undefined; ) {
      const page = await it.call("GET", path);
      seen.push(((await page.json()) as { tags: string[] }).tags);
      path = /<([^>]+)>; rel="next"/.exec(page.headers.get("link") ?? "")?.[1];
    }
    expect(seen).toEqual([["a", "b"], ["c", "d"], []]);
    const after = await it.call("GET", `${name}/tags/list?last=b`);
    expect(await after.json()).toEqual({ name, tags: ["c", "d"] });
    expect((await it.call("DELETE", `${name}/manifests/c`)).status).toBe(202);
    expect(((await (await it.call("GET", `${name}/tags/list`)).json()) as { tags: string[] }).tags).toEqual([
      "a",
      "b",
      "d",
    ]);
    expect(await errorOf(await it.call("GET", `${name}/tags/list?n=x`))).toMatchObject({
      code: "PAGINATION_NUMBER_INVALID",
    });
  });

  test("a signature is listed under the image that it is about", async () => {
    const name = await newRepository();
    const image = await pushImage(name, "v1", "layer");
    const subject = { mediaType: ociManifest, digest: image.digest, size: image.body.length };
    const signature = await pushImage(name, "sig", "signed", { subject, artifactType: "application/x-signature" });
    const list = async (query = "") => {
      const answer = await it.call("GET", `${name}/referrers/${image.digest}${query}`);
      return ((await answer.json()) as { manifests: { digest: string; artifactType: string }[] }).manifests;
    };
    expect(await list()).toMatchObject([{ digest: signature.digest, artifactType: "application/x-signature" }]);
    expect(await list("?artifactType=other")).toEqual([]);
    await it.call("DELETE", `${name}/manifests/${signature.digest}`);
    expect(await list()).toEqual([]);
  });
});

describe("collection", () => {
  const exists = async (name: string, digest: string) =>
    (await it.registry.repositories
      .find(place, name)
      .then((found) => found && it.registry.blobs.find(found, digest))) !== undefined;
  const place = { account: "111122223333", region: "us-west-2" };
  const dayMs = 24 * 3600_000;

  test("blobs go a day after the last manifest that refers to them, and not before", async () => {
    const [name, other] = [await newRepository(), await newRepository()];
    const { digest, layer } = await pushImage(name, "v1", "collected layer");
    const alone = await it.pushBlob(name, "of an image that was never pushed");
    await it.call("POST", `${other}/blobs/uploads/?mount=${layer}&from=${name}`);
    await it.registry.collect();
    expect(await exists(name, alone)).toBe(true);
    now += 2 * dayMs;
    await it.registry.collect();
    expect([await exists(name, alone), await exists(name, layer), await exists(other, layer)]).toEqual([
      false,
      true,
      false,
    ]);
    await it.call("DELETE", `${name}/manifests/${digest}`);
    const collected = await it.registry.collect();
    expect(collected.blobs).toBeGreaterThanOrEqual(2);
    expect(await exists(name, layer)).toBe(false);
  });

  test("a client that was told of an old blob can still push its manifest", async () => {
    const name = await newRepository();
    const digest = await it.pushBlob(name, "{}");
    now += 2 * dayMs;
    expect((await it.call("HEAD", `${name}/blobs/${digest}`)).status).toBe(200);
    await it.registry.collect();
    const body = manifestOf([{ digest, size: 2 }]);
    const pushed = await it.call("PUT", `${name}/manifests/v1`, { body, headers: { "content-type": ociManifest } });
    expect(pushed.status).toBe(201);
  });

  test("an upload that nobody goes on with is dropped with its bytes", async () => {
    const name = await newRepository();
    const location = await begin(name);
    await it.call("PATCH", location, { body: randomBytes(50_000) });
    await it.registry.collect();
    expect((await it.call("GET", location)).status).toBe(204);
    now += UPLOAD_RETENTION_MS + 1;
    expect((await it.registry.collect()).uploads).toBe(1);
    expect((await it.call("GET", location)).status).toBe(404);
  });

  test("what a cancelled upload had is gone", async () => {
    const name = await newRepository();
    const location = await begin(name);
    await it.call("PATCH", location, { body: "part" });
    expect((await it.call("DELETE", location)).status).toBe(204);
    expect((await it.call("DELETE", location)).status).toBe(404);
  });
});
