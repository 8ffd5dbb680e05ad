import { expect, test } from "vitest";
import { BoundedMatcher, matchedCharacters } from "./bounded-matcher.ts";

const matcher = new BoundedMatcher();

test("finite first groups are values, line by line", () => {
  const { matches, slow } = matcher.match(
    ["loss=2.5", "acc=1e-1 loss=0.5", "loss=nan", "progress 10%\r20% acc=.75", "\tauc:0.5"],
    [
      { name: "loss", regex: "loss=(\\S+)" },
      { name: "none", regex: "loss=\\S+" },
      { name: "acc", regex: "acc=(?P<value>[0-9.e-]+)" },
      { name: "auc", regex: "#011auc:([0-9.]+)" },
      { name: "tab", regex: "\\tauc:([0-9.]+)" },
      { name: "broken", regex: "(" },
    ],
  );
  expect(slow).toEqual([]);
  expect(matches.map(({ line, name, value }) => [line, name, value])).toEqual([
    [0, "loss", 2.5],
    [1, "loss", 0.5],
    [1, "acc", 0.1],
    [3, "acc", 0.75],
    [4, "auc", 0.5],
    [4, "tab", 0.5],
  ]);
});

test("an expression that backtracks for ever is given up, and the others go on", () => {
  const { matches, slow } = matcher.match(
    [`x ${"a".repeat(40)}!`, "loss=1"],
    [
      { name: "before", regex: "x (a)?" },
      { name: "evil", regex: "(a+)+b" },
      { name: "loss", regex: "loss=(\\d)" },
    ],
  );
  expect(slow).toEqual(["evil"]);
  expect(matches).toEqual([{ line: 1, name: "loss", value: 1 }]);
});

test("only the beginning of a very long line is looked at", () => {
  const line = `${" ".repeat(matchedCharacters)}loss=1`;
  expect(matcher.match([line, line.slice(10)], [{ name: "loss", regex: "loss=(\\d)" }]).matches).toEqual([
    { line: 1, name: "loss", value: 1 },
  ]);
});
