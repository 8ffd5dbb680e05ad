import { execFileSync, spawnSync } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { interceptEnvironment } from "./intercept.ts";

const hasPython = spawnSync("python3", ["--version"]).status === 0;

test("the hook comes first on PYTHONPATH, once, and keeps what was there", () => {
  const once = interceptEnvironment({ PYTHONPATH: ["/a", "/b"].join(delimiter) });
  expect(once["PYTHONPATH"]).toMatch(/python\/intercept:\/a:\/b$/);
  expect(interceptEnvironment(once)).toEqual(once);
});

// The SDKs themselves are driven in test/conformance; here a stand-in shows what the hook does to botocore's one call.
describe.skipIf(!hasPython)("in Python (skipped without python3)", () => {
  let site: string;
  beforeAll(async () => {
    site = await mkdtemp(join(tmpdir(), "sagebrush-hook-"));
    await mkdir(join(site, "botocore"));
    await writeFile(join(site, "botocore", "__init__.py"), "");
    const client =
      "class ClientCreator:\n    def create_client(self, **arguments):\n        return arguments['endpoint_url']\n";
    await writeFile(join(site, "botocore", "client.py"), client);
    await writeFile(join(site, "sitecustomize.py"), "print('the next sitecustomize')\n");
  });
  afterAll(() => rm(site, { recursive: true, force: true }));

  const addressOf = (url: string | null, ours = "http://127.0.0.1:9310"): string => {
    const code = `from botocore.client import ClientCreator; print(ClientCreator().create_client(endpoint_url=${url === null ? "None" : JSON.stringify(url)}))`;
    const env = { PATH: process.env["PATH"], AWS_ENDPOINT_URL: ours, ...interceptEnvironment({ PYTHONPATH: site }) };
    return execFileSync("python3", ["-c", code], { env, encoding: "utf8" });
  };

  test.for<[string, string | null, string]>([
    ["an AWS address", "https://sts.us-west-2.amazonaws.com", "http://127.0.0.1:9310"],
    ["an AWS address in China", "https://sts.cn-north-1.amazonaws.com.cn/", "http://127.0.0.1:9310"],
    ["another address", "http://minio.example.com", "http://minio.example.com"],
    ["a name that only ends alike", "https://notamazonaws.com", "https://notamazonaws.com"],
    ["no address", null, "None"],
  ])("%s", ([, given, expected]) => {
    expect(addressOf(given)).toBe(`the next sitecustomize\n${expected}\n`);
  });

  test("nothing is changed while AWS_ENDPOINT_URL is not set", () => {
    expect(addressOf("https://sts.us-west-2.amazonaws.com", "")).toContain("https://sts.us-west-2.amazonaws.com");
  });
});
