import { algorithmDefinitions } from "@sagebrush/algorithms/definitions";
import { expect, test } from "vitest";
import { frameworkAccounts } from "./frameworks/framework-accounts.ts";
import { builtInFrameworks } from "./frameworks/framework-table.ts";
import { Images } from "./images.ts";
import { registryAccounts } from "./registry-accounts.ts";
import { imageUri, resolveImage, UnknownImage } from "./resolve-image.ts";

test("resolves the registry URI of every region, and only with that region's account and domain", () => {
  const definition = algorithmDefinitions.find(({ name }) => name === "linear-learner")!;
  for (const region of Object.keys(registryAccounts)) {
    const uri = imageUri(definition, region) as string;
    expect(resolveImage(uri), uri).toEqual({ kind: "algorithm", uri, definition });
    const elsewhere = uri.replace(/^\d{12}/, "123456789012");
    expect(resolveImage(elsewhere)).toEqual({ kind: "container", uri: elsewhere });
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
  expect(resolveImage(uri)).toMatchObject({ kind: "algorithm", definition: { name: "linear-learner" } });
});

test("an image of XGBoost is the algorithm, and with code of its user's the framework", () => {
  for (const [region, { xgboost }] of Object.entries(registryAccounts)) {
    const uri = `${xgboost}.dkr.ecr.${region}.${/amazonaws.*|c2s.*|sc2s.*|csp.*/.exec(imageUri(algorithmDefinitions.find(({ name }) => name === "linear-learner")!, region)!.split("/")[0]!)![0]}/sagemaker-xgboost:1.7-1`;
    const library = { kind: "framework", uri, repository: "sagemaker-xgboost", tag: "1.7-1" };
    expect(resolveImage(uri)).toMatchObject({ kind: "algorithm", definition: { name: "xgboost" }, library });
    expect(resolveImage(uri, { hasOwnCode: true })).toEqual(library);
  }
});

test.for(["xgboost:1", "xgboost", "811284229777.dkr.ecr.us-east-1.amazonaws.com/xgboost:latest"])(
  "%s is XGBoost 0.72, which is refused with what is there",
  (uri) => {
    expect(() => resolveImage(uri)).toThrow(
      /XGBoost 0\.72.*683313688378\.dkr\.ecr\.us-east-1\.amazonaws\.com\/sagemaker-xgboost/,
    );
  },
);

test.for([
  "nginx",
  "docker.io/library/nginx:latest",
  "localhost:5000/team/mine",
  "111122223333.dkr.ecr.us-west-2.amazonaws.com/linear-learner:2",
  `111122223333.dkr.ecr.us-west-2.amazonaws.com/team/mine@sha256:${"0".repeat(64)}`,
])("%s is somebody's own container image", (uri) => {
  expect(resolveImage(uri)).toEqual({ kind: "container", uri });
});

test.for<[string, RegExp]>([
  [
    "174872318107.dkr.ecr.us-west-2.amazonaws.com.cn/linear-learner:1",
    /is 174872318107\.dkr\.ecr\.us-west-2\.amazonaws\.com\//,
  ],
  ["174872318107.dkr.ecr.eu-west-1.amazonaws.com/linear-learner:1", /in region eu-west-1 .* is 438346466558/],
  ["174872318107.dkr.ecr.mars-1.amazonaws.com/linear-learner:1", /not published in region mars-1/],
  ["linear-learner:2", /published with the tag 1/],
  [`174872318107.dkr.ecr.us-west-2.amazonaws.com/linear-learner@sha256:${"0".repeat(64)}`, /by tag, not by digest/],
  ["Capital/Letters", /not an image reference/],
  ["mine:tag:tag", /not an image reference/],
  ["mine@sha256:12", /not an image reference/],
  ["../escape", /not an image reference/],
])("%s is refused with the reason", ([uri, reason]) => {
  expect(() => resolveImage(uri)).toThrow(UnknownImage);
  expect(() => resolveImage(uri)).toThrow(reason);
});

test("an image that no source has is refused with what each of them says", () => {
  expect(() => new Images().find("nginx:1")).toThrow(
    /^Image nginx:1 cannot be run: it is not a built-in algorithm \(.*linear-learner/,
  );
});

const table = builtInFrameworks;

test("resolves the registry URI of every framework in every region, and only with that region's account", () => {
  for (const { accounts, repositories } of table) {
    const columns = accounts === "xgboost" ? registryAccounts : frameworkAccounts;
    for (const [region, byColumn] of Object.entries(columns)) {
      const account = (byColumn as Record<string, string>)[accounts as string];
      if (account === undefined) continue;
      const domain = region.startsWith("cn-") ? "amazonaws.com.cn" : "amazonaws.com";
      if (region.startsWith("us-iso") || region.startsWith("eu-isoe")) continue;
      for (const repository of repositories) {
        const uri = `${account}.dkr.ecr.${region}.${domain}/${repository}:1.0`;
        expect(resolveImage(uri, { hasOwnCode: true })).toEqual({ kind: "framework", uri, repository, tag: "1.0" });
        const elsewhere = uri.replace(/^\d{12}/, "123456789012");
        expect(resolveImage(elsewhere)).toEqual({ kind: "container", uri: elsewhere });
      }
    }
  }
});

test.for<[string, RegExp]>([
  [
    "626614931356.dkr.ecr.us-east-1.amazonaws.com/pytorch-training:2.1.0",
    /in region us-east-1, pytorch-training lies in 7631/,
  ],
  ["763104351884.dkr.ecr.mars-1.amazonaws.com/pytorch-training:2.1.0", /not published in mars-1/],
  [`763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-training@sha256:${"0".repeat(64)}`, /by tag here/],
])("%s is refused with the reason", ([uri, reason]) => {
  expect(() => resolveImage(uri)).toThrow(reason);
});

test("a framework can be called by its repository alone", () => {
  expect(resolveImage("pytorch-training:2.1")).toMatchObject({ kind: "framework", tag: "2.1" });
  expect(resolveImage("sagemaker-scikit-learn")).toMatchObject({ kind: "framework", tag: "latest" });
});
