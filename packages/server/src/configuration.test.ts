import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { parseCommandLine, readConfiguration } from "./configuration.ts";

const folder = mkdtempSync(join(tmpdir(), "sagebrush-configuration-"));
afterAll(() => rmSync(folder, { recursive: true }));

describe("precedence", () => {
  test("command line, environment, config file, default", () => {
    writeFileSync(
      join(folder, "config.json"),
      JSON.stringify({ port: 1111, region: "eu-west-1", account: "111111111111" }),
    );
    const merged = readConfiguration(
      { "data-dir": folder, port: "3333" },
      { SAGEBRUSH_PORT: "2222", SAGEBRUSH_REGION: "eu-central-1" },
    );
    expect(merged).toMatchObject({
      port: 3333,
      region: "eu-central-1",
      account: "111111111111",
      host: "127.0.0.1",
      auth: "required",
    });
  });

  test("a list is repeated on the command line and separated by commas in the environment", () => {
    const { values } = parseCommandLine(["--public-url", "https://a.example/", "--public-url", "http://b.example:1"]);
    expect(readConfiguration({ ...values, "data-dir": folder }, {}).publicUrls).toEqual([
      "https://a.example",
      "http://b.example:1",
    ]);
    const environment = { SAGEBRUSH_PUBLIC_URL: "https://c.example, https://d.example" };
    expect(readConfiguration({ "data-dir": folder }, environment).publicUrls).toHaveLength(2);
  });
});

test.for<[string, Record<string, string>, string]>([
  ["a port out of range", { port: "65536" }, '--port must be a number from 0 to 65535, not "65536"'],
  ["a port in words", { port: "http" }, "--port must be a number"],
  ["a short account", { account: "123" }, "--account must be twelve digits"],
  ["a bad region", { region: "europe" }, "--region must be a region name"],
  ["an unknown engine", { engine: "kubernetes" }, "--engine must be one of auto, sandbox, process"],
  ["a file system without a directory", { "file-system": "fs-0123abcd" }, "--file-system must be an id such as"],
  ["a file system of a relative directory", { "file-system": "fs-0123abcd=data" }, "and an absolute directory"],
  ["a file system of another name", { "file-system": "efs-1=/data" }, '"efs-1=/data"'],
  ["half of TLS", { "tls-cert": "a.pem" }, "--tls-cert and --tls-key belong together"],
  ["a public URL without scheme", { "public-url": "ml.example.com" }, "--public-url must be an address"],
  ["a public URL of another scheme", { "public-url": "ftp://ml.example.com" }, "must begin with http"],
  ["the world without TLS", { host: "0.0.0.0" }, "needs --tls-cert and --tls-key, or --insecure"],
  ["the world without credentials", { host: "0.0.0.0", auth: "open", insecure: "true" }, "would let anyone in"],
])("refuses %s", ([, values, message]) => {
  expect(() => readConfiguration({ "data-dir": folder, ...values }, {})).toThrow(message);
});

test("loopback may be open; the world may be insecure when it is said", () => {
  expect(readConfiguration({ "data-dir": folder, auth: "open" }, {}).auth).toBe("open");
  expect(readConfiguration({ "data-dir": folder, host: "0.0.0.0", insecure: "true" }, {}).insecure).toBe(true);
});

test("file systems are directories by id", () => {
  const { values } = parseCommandLine(["--file-system", "fs-0123abcd=/data/a=b", "--file-system", "fs-89abcdef=/srv/"]);
  const { fileSystems } = readConfiguration({ ...values, "data-dir": folder }, {});
  expect(fileSystems).toEqual({ "fs-0123abcd": "/data/a=b", "fs-89abcdef": "/srv" });
  const twice = { "data-dir": folder, "file-system": ["fs-0123abcd=/a", "fs-0123abcd=/b"] };
  expect(() => readConfiguration(twice, {})).toThrow("has fs-0123abcd twice");
});

test("an unknown setting in the config file is named", () => {
  writeFileSync(join(folder, "other.json"), JSON.stringify({ prot: 1 }));
  expect(() => readConfiguration({ config: join(folder, "other.json") }, {})).toThrow('an unknown setting "prot"');
});

test("a config file that was asked for must exist", () => {
  expect(() => readConfiguration({ config: join(folder, "none.json") }, {})).toThrow("cannot be read");
});

test("an unknown option is named", () => {
  expect(() => parseCommandLine(["--prot", "1"])).toThrow("--prot");
});

test("an empty data directory, as an unset variable makes it, is refused", () => {
  expect(() => readConfiguration({ "data-dir": "" }, {})).toThrow("--data-dir must not be empty");
});
