import { expect, test } from "vitest";
import type { FrameworkImage } from "../image.ts";
import { type HostPythons, NoEnvironment, recipeFor, recipeKey, unknownTag } from "./environment-recipe.ts";
import type { Python } from "./find-pythons.ts";
import { builtInFrameworks } from "./framework-table.ts";

function python(minor: string, changes: Partial<Python> = {}): Python {
  const executable = `/opt/python/${minor}/bin/python3`;
  return {
    executable,
    minor,
    version: `${minor}.4`,
    prefix: `/opt/python/${minor}`,
    makesEnvironments: true,
    isDefault: false,
    ...changes,
  };
}

function host(pythons: readonly Python[], module?: { version: string; python: Python }): HostPythons {
  return { pythons, systemModule: async () => module };
}

function image(repository: string, tag: string): FrameworkImage {
  return { kind: "framework", uri: `${repository}:${tag}`, repository, tag };
}

const torch = image("pytorch-training", "1.13.1-cpu-py39");

test("the image's own Python is taken where the host has it", async () => {
  const recipe = await recipeFor(builtInFrameworks, torch, host([python("3.11"), python("3.9")]));
  expect(recipe).toMatchObject({ title: "PyTorch, tag 1.13.1-cpu-py39", python: { minor: "3.9" }, notices: [] });
  expect(recipe.packages).toContain("torch==1.13.1");
});

test("another one that the packages install on is taken with a notice", async () => {
  const recipe = await recipeFor(builtInFrameworks, torch, host([python("3.13"), python("3.11")]));
  expect(recipe.python.minor).toBe("3.11");
  expect(recipe.notices).toEqual(["The image of tag 1.13.1-cpu-py39 has Python 3.9; here it runs on Python 3.11.4."]);
});

test("without one, the message says what is needed, what is there and which tags there are", async () => {
  const pythons = [python("3.13"), python("3.9", { makesEnvironments: false })];
  const refused = recipeFor(builtInFrameworks, torch, host(pythons));
  await expect(refused).rejects.toThrow(NoEnvironment);
  await expect(refused).rejects.toThrow(
    /needs a Python 3\.7 to 3\.11 with venv and pip, and this host has 3\.13\.4\..*2\.8/,
  );
});

test("the system's own build of the version is taken, and no other", async () => {
  const system = python("3.11", { executable: "/usr/bin/python3.11", prefix: "/usr" });
  const fits = await recipeFor(
    builtInFrameworks,
    torch,
    host([python("3.9")], { version: "1.13.0a0+git", python: system }),
  );
  expect(fits).toMatchObject({ python: system, systemPackages: true });
  expect(fits.packages).not.toContain("torch==1.13.1");
  expect(fits.notices[0]).toMatch(/torch 1\.13\.0a0\+git is this host's own/);
  const other = await recipeFor(builtInFrameworks, torch, host([python("3.9")], { version: "1.12.1", python: system }));
  expect(other.systemPackages).toBe(false);
});

test("equal recipes share an environment, others do not", async () => {
  const on = (minor: string, tag: string) =>
    recipeFor(builtInFrameworks, image("sagemaker-scikit-learn", tag), host([python(minor)])).then(recipeKey);
  expect(await on("3.11", "1.4-2")).toBe(await on("3.11", "1.4-2-cpu-py3"));
  expect(await on("3.11", "1.4-2")).not.toBe(await on("3.10", "1.4-2"));
  expect(await on("3.11", "1.4-2")).not.toBe(await on("3.11", "1.2-1"));
});

test("a tag that cannot be had says which can", () => {
  expect(unknownTag(builtInFrameworks, torch)).toBeUndefined();
  expect(unknownTag(builtInFrameworks, image("sagemaker-scikit-learn", "0.20.0-cpu-py3"))).toBe(
    "tag 0.20.0-cpu-py3 of sagemaker-scikit-learn cannot be had; these can: 1.4-2, 1.2-1, 1.0-1, 0.23-1",
  );
});
