import { expect, test } from "vitest";
import { bubblewrapOptions } from "./bubblewrap.ts";

const request = {
  ownNetwork: true,
  hostname: "algo-1",
  workingDirectory: "/",
  root: ["--bind", "/tmp", "/"],
  scratchBytes: 1024,
};

test("a variable keeps its own option, whatever it holds", () => {
  const options = bubblewrapOptions({ ...request, environment: { A: "--bind / /host\n" } }).split("\0");
  expect(options.slice(options.indexOf("--setenv"), options.indexOf("--setenv") + 3)).toEqual([
    "--setenv",
    "A",
    "--bind / /host\n",
  ]);
});

test.for<[string, Record<string, string>]>([
  ["a value", { A: "a\0--bind\0/\0/host" }],
  ["a name", { "A\0b\0--bind\0/\0/host\0--setenv\0B": "a" }],
])("%s with a NUL character cannot add options of its own", ([, environment]) => {
  expect(() => bubblewrapOptions({ ...request, environment })).toThrow(/NUL character/);
});
