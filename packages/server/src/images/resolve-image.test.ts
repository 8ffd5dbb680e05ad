import { expect, test } from "vitest";
import { registryAccounts } from "./registry-accounts.ts";
import { imageUri, resolveImage, UnknownImage } from "./resolve-image.ts";

test("resolves the registry URI of every region, and only with that region's account and domain", () => {
  const { definition } = resolveImage("linear-learner");
  for (const region of Object.keys(registryAccounts)) {
    const uri = imageUri(definition, region) as string;
    expect(resolveImage(uri).definition.name, uri).toBe("linear-learner");
    expect(() => resolveImage(uri.replace(/^\d{12}/, "123456789012")), uri).toThrow(UnknownImage);
  }
  expect(Object.keys(registryAccounts)).toHaveLength(37);
});

test.for([
  "linear-learner",
  "linear-learner:1",
  "linear-learner:latest",
  "174872318107.dkr.ecr.us-west-2.amazonaws.com/linear-learner",
  "174872318107.dkr.ecr.us-west-2.amazonaws.com/linear-learner:latest",
  "390948362332.dkr.ecr.cn-north-1.amazonaws.com.cn/linear-learner:1",
  "490574956308.dkr.ecr.us-iso-east-1.c2s.ic.gov/linear-learner:1",
])("%s is the linear learner", (uri) => {
  expect(resolveImage(uri).definition.name).toBe("linear-learner");
});

test.for<[string, RegExp]>([
  ["nginx", /nginx is not a built-in algorithm of this version \(.*linear-learner/],
  ["docker.io/library/nginx:latest", /neither a built-in algorithm's image/],
  ["111122223333.dkr.ecr.us-west-2.amazonaws.com/mine:1", /mine is not a built-in algorithm/],
  [
    "111122223333.dkr.ecr.us-west-2.amazonaws.com/linear-learner:1",
    /in region us-west-2 the image of linear-learner is 174872318107/,
  ],
  [
    "174872318107.dkr.ecr.us-west-2.amazonaws.com.cn/linear-learner:1",
    /is 174872318107\.dkr\.ecr\.us-west-2\.amazonaws\.com\//,
  ],
  ["174872318107.dkr.ecr.mars-1.amazonaws.com/linear-learner:1", /not published in region mars-1/],
  ["linear-learner:2", /published with the tag 1/],
  [`174872318107.dkr.ecr.us-west-2.amazonaws.com/linear-learner@sha256:${"0".repeat(64)}`, /by tag, not by digest/],
])("%s is refused with the reason", ([uri, reason]) => {
  expect(() => resolveImage(uri)).toThrow(reason);
});
