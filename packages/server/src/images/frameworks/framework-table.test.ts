import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import {
  builtInFrameworks,
  extendedTable,
  type Framework,
  frameworkOf,
  pythonOf,
  versionOf,
} from "./framework-table.ts";

const folder = mkdtempSync(join(tmpdir(), "sagebrush-frameworks-"));
afterAll(() => rmSync(folder, { recursive: true }));

function builtIn(repository: string): Framework {
  return frameworkOf(builtInFrameworks, repository)!;
}

test.for<[string, string, string | undefined]>([
  ["sagemaker-scikit-learn", "1.4-2-cpu-py3", "1.4-2"],
  ["sagemaker-scikit-learn", "1.2-1", "1.2-1"],
  ["sagemaker-scikit-learn", "1.20-1-cpu-py3", undefined],
  ["sagemaker-scikit-learn", "latest", undefined],
  ["sagemaker-xgboost", "1.7-1", "1.7-1"],
  ["pytorch-training", "2.1.0-cpu-py310", "2.1"],
  ["pytorch-training", "2.1-cpu-py310", "2.1"],
  ["pytorch-inference", "1.13.1-cpu-py39-ubuntu20.04-sagemaker", "1.13"],
  ["pytorch-training", "1.1.0-cpu-py3", undefined],
  ["pytorch-training", "2", undefined],
  ["huggingface-pytorch-training", "2.1.0-transformers4.36.0-gpu-py310-cu121-ubuntu20.04", "2.1-transformers4.36"],
  ["huggingface-pytorch-training", "2.1.0-transformers4.3.0-gpu-py310", undefined],
  ["sagemaker-base-python-310", "1.0", "1.0"],
])("%s:%s is version %s", ([repository, tag, name]) => {
  const framework = builtIn(repository);
  expect(versionOf(framework, tag)).toBe(name === undefined ? undefined : framework.versions[name]);
});

test("a tag's Python wins over the table's", () => {
  const version = builtIn("pytorch-training").versions["2.1"]!;
  expect(pythonOf(version, "2.1.0-cpu-py39-ubuntu20.04")).toBe("3.9");
  expect(pythonOf(version, "2.1.0-cpu")).toBe("3.10");
  expect(pythonOf(version, "2.1.0-cpu-py3")).toBe("3.10");
});

function file(content: unknown): string {
  const path = join(folder, "own.json");
  writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
}

test("a user's table replaces versions, adds some, and adds frameworks", () => {
  const mine = { python: "3.11", needs: "3.9-3.13", packages: ["scikit-learn==1.5.2"] };
  const table = extendedTable(
    file([
      {
        framework: "scikit-learn",
        repositories: ["sagemaker-scikit-learn"],
        versions: { "1.4-2": mine, "1.5-1": mine },
      },
      { framework: "JAX", repositories: ["jax-training"], versions: { "0.4": mine } },
    ]),
  );
  const sklearn = frameworkOf(table, "sagemaker-scikit-learn")!;
  expect(versionOf(sklearn, "1.4-2-cpu-py3")).toEqual(mine);
  expect(versionOf(sklearn, "1.5-1")).toEqual(mine);
  expect(versionOf(sklearn, "1.2-1")).toEqual(builtIn("sagemaker-scikit-learn").versions["1.2-1"]);
  expect(sklearn.accounts).toBe("xgboost");
  expect(frameworkOf(table, "jax-training")?.framework).toBe("JAX");
  expect(table).toHaveLength(builtInFrameworks.length + 1);
});

test.for<[unknown, RegExp]>([
  ["{", /own\.json is not JSON/],
  [{}, /must hold a list/],
  [[{ framework: "X", repositories: [], versions: {} }], /entry 1: "repositories"/],
  [
    [{ framework: "X", repositories: ["x"], versions: { 1: { python: "3", needs: "3.9-3.12", packages: [] } } }],
    /"python"/,
  ],
  [
    [{ framework: "X", repositories: ["x"], versions: { 1: { python: "3.9", needs: "3.9", packages: [] } } }],
    /"needs"/,
  ],
  [[{ framework: "X", repositories: ["x"], versions: { 1: { python: "3.9", needs: "3.9-3.12" } } }], /"packages"/],
])("a table %j is refused", ([content, reason]) => {
  expect(() => extendedTable(file(content))).toThrow(reason);
});
