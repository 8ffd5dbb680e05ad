import { expect, test } from "vitest";
import { pythonRegex } from "./python-regex.ts";

test.for<[string, string, string | undefined]>([
  ["loss=([0-9.]+)", "epoch 1 loss=0.25", "0.25"],
  ["(?i)LOSS=(\\d)", "loss=1", "1"],
  ["\\Aloss=(\\d)\\Z", "loss=1", "1"],
  ["\\Aloss=(\\d)\\Z", "a loss=1", undefined],
  ["(?P<a>x)(?P=a)", "xx", "x"],
  ["[]=](\\d)", "]5", "5"],
  ["[^]](\\d)", "]5=6", "6"],
  ["a{,2}b(\\d)", "aab3", "3"],
  ["a(?#comment) (\\d)", "a 1", "1"],
  ["(?<=loss: )(\\S+)", "loss: 3", "3"],
  ["loss(?!x)=(\\S+)", "loss=3", "3"],
  [".*\\[[0-9]+\\].*#011train-auc:([-+]?[0-9]*\\.?[0-9]+(?:[eE][-+]?[0-9]+)?).*", "[0]#011train-auc:0.9", "0.9"],
  ["\\(([0-9]+)\\)", "(12)", "12"],
])("Python's %s on %s finds %s", ([regex, text, found]) => {
  expect(pythonRegex(regex).exec(text)?.[1]).toBe(found);
});

test.for([
  ["(", "Unterminated group"],
  ["(?x) a b", "the flag (?x) is not supported"],
  ["(a)(?(1)b|c)", "the conditional (?(...) is not supported"],
  ["(?>a+)b", "the atomic group (?>...) is not supported"],
  ["a++b", "the possessive quantifier ++ is not supported"],
  ["a{1,2}+b", "the possessive quantifier {1,2}+ is not supported"],
  ["a(?i)b", "flags must stand at the beginning"],
  ["\\N{DIGIT ONE}", "\\N{...} is not supported"],
] as const)("%s is refused: %s", ([regex, message]) => {
  expect(() => pythonRegex(regex)).toThrow(message);
});
