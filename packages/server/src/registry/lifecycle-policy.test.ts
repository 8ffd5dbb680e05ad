import { expect, test } from "vitest";
import { type AgingImage, expired, InvalidLifecyclePolicy, parseLifecyclePolicy } from "./lifecycle-policy.ts";
import { fitsWildcard, isMutable } from "./tag-mutability.ts";

const day = 24 * 3600_000;
const now = 1000 * day;

/** Images by their age in days and their tags. */
function image(digest: string, ageDays: number, ...tags: string[]): AgingImage {
  return { digest, tags, pushedAt: now - ageDays * day };
}

function rule(rulePriority: number, selection: Readonly<Record<string, unknown>>) {
  return { rulePriority, selection, action: { type: "expire" } };
}

const untaggedAfter = (days: number) => ({
  tagStatus: "untagged",
  countType: "sinceImagePushed",
  countUnit: "days",
  countNumber: days,
});
const newest = (count: number, more: Readonly<Record<string, unknown>> = { tagStatus: "any" }) => ({
  countType: "imageCountMoreThan",
  countNumber: count,
  ...more,
});

const images = [
  image("prod-1", 30, "prod-1"),
  image("prod-2", 20, "prod-2", "stable"),
  image("prod-3", 10, "prod-3"),
  image("dev", 5, "dev-9"),
  image("loose", 15),
];

test.for<[string, unknown[], string[]]>([
  ["all but the newest two", [rule(1, newest(2))], ["loose", "prod-2", "prod-1"]],
  ["untagged ones after two weeks", [rule(1, untaggedAfter(14))], ["loose"]],
  ["untagged ones before their time", [rule(1, untaggedAfter(15))], []],
  ["those with a prefix", [rule(1, newest(1, { tagStatus: "tagged", tagPrefixList: ["prod"] }))], ["prod-2", "prod-1"]],
  ["those with every prefix", [rule(1, newest(1, { tagStatus: "tagged", tagPrefixList: ["prod", "st"] }))], []],
  [
    "those with a pattern",
    [rule(1, newest(1, { tagStatus: "tagged", tagPatternList: ["*-*"] }))],
    ["prod-3", "prod-2", "prod-1"],
  ],
  [
    "what an earlier rule keeps",
    [rule(2, newest(1)), rule(1, newest(5, { tagStatus: "tagged", tagPrefixList: ["prod"] }))],
    ["loose"],
  ],
])("expires %s", ([, rules, digests]) => {
  const ended = expired(parseLifecyclePolicy(JSON.stringify({ rules })), images, now);
  expect(ended.map(({ image: { digest } }) => digest)).toEqual(digests);
});

test.for<[string, unknown, RegExp]>([
  ["no rules", { rules: [] }, /1 to 50 rules/],
  ["a list", [], /"rules"/],
  ["null", null, /"rules"/],
  ["one priority twice", { rules: [rule(1, newest(1)), rule(1, newest(1))] }, /rulePriority/],
  ["any before others", { rules: [rule(1, newest(1)), rule(2, untaggedAfter(1))] }, /highest rulePriority/],
  ["another action", { rules: [{ ...rule(1, newest(1)), action: { type: "keep" } }] }, /rules\[0\]\.action/],
  ["tagged without tags", { rules: [rule(1, newest(1, { tagStatus: "tagged" }))] }, /tagPrefixList/],
  ["a count of none", { rules: [rule(1, newest(0))] }, /countNumber/],
  ["days of a count", { rules: [rule(1, { ...newest(1), countUnit: "days" })] }, /countUnit/],
  ["no rule", { rules: [null] }, /rules\[0\]/],
])("refuses %s", ([, policy, message]) => {
  expect(() => parseLifecyclePolicy(JSON.stringify(policy))).toThrow(message);
  expect(() => parseLifecyclePolicy("{")).toThrow(InvalidLifecyclePolicy);
});

test.for<[string, string, boolean]>([
  ["latest", "latest", true],
  ["latest*", "latest-1", true],
  ["*-dev", "x-dev", true],
  ["a*b*c", "a-b-c", true],
  ["a*b*c", "acb", false],
  ["ab*ba", "aba", false],
  ["*", "", true],
  ["v1", "v10", false],
])("the wildcard %s and %s: %s", ([pattern, text, fits]) => {
  expect(fitsWildcard(pattern, text)).toBe(fits);
  expect(isMutable({ mutable: false, except: [pattern] }, text)).toBe(fits);
});
