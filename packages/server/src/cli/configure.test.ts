import { expect, test } from "vitest";
import { replaceSection } from "./configure.ts";

test("appends a section to an empty file", () => {
  expect(replaceSection("", "sagebrush", { region: "us-east-1" })).toBe("[sagebrush]\nregion = us-east-1\n");
});

test("leaves other sections and comments as they are", () => {
  const before = "# mine\n[default]\nregion = eu-west-1\n";
  expect(replaceSection(before, "profile sagebrush", { region: "us-east-1" })).toBe(
    `${before}\n[profile sagebrush]\nregion = us-east-1\n`,
  );
});

test("replaces its own section in the middle of a file", () => {
  const before = "[a]\nx = 1\n\n[b]\nold = 1\nolder = 2\n\n[c]\ny = 2\n";
  expect(replaceSection(before, "b", { new: "3" })).toBe("[a]\nx = 1\n\n[b]\nnew = 3\n\n[c]\ny = 2\n");
});

test("twice is once", () => {
  const once = replaceSection("[a]\nx = 1\n", "b", { y: "2" });
  expect(replaceSection(once, "b", { y: "2" })).toBe(once);
});
