import { randomBytes } from "node:crypto";
import {
  BatchCheckLayerAvailabilityCommand,
  BatchDeleteImageCommand,
  BatchGetImageCommand,
  CompleteLayerUploadCommand,
  CreateRepositoryCommand,
  type CreateRepositoryCommandInput,
  DeleteLifecyclePolicyCommand,
  DeleteRepositoryCommand,
  DeleteRepositoryPolicyCommand,
  DescribeImagesCommand,
  DescribeRepositoriesCommand,
  GetAuthorizationTokenCommand,
  GetDownloadUrlForLayerCommand,
  GetLifecyclePolicyCommand,
  GetLifecyclePolicyPreviewCommand,
  GetRepositoryPolicyCommand,
  InitiateLayerUploadCommand,
  ListImageReferrersCommand,
  ListImagesCommand,
  ListTagsForResourceCommand,
  PutImageCommand,
  PutImageScanningConfigurationCommand,
  PutImageTagMutabilityCommand,
  PutLifecyclePolicyCommand,
  SetRepositoryPolicyCommand,
  StartLifecyclePolicyPreviewCommand,
  TagResourceCommand,
  UntagResourceCommand,
  UploadLayerPartCommand,
} from "@aws-sdk/client-ecr";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  manifestOf,
  ociManifest,
  type RegistryServer,
  sha256,
  startRegistryServer,
} from "./testkit/registry-server.ts";

let it: RegistryServer;
let names = 0;

beforeAll(async () => {
  it = await startRegistryServer();
});
afterAll(() => it.close());

async function newRepository(options: Partial<CreateRepositoryCommandInput> = {}): Promise<string> {
  const repositoryName = `ecr/repo-${++names}`;
  await it.ecr.send(new CreateRepositoryCommand({ repositoryName, ...options }));
  return repositoryName;
}

/** Stores an image of one small layer with PutImage. @returns Its digest. */
async function putImage(repositoryName: string, imageTag: string | undefined, layer: string): Promise<string> {
  const blobs = [
    { digest: await it.pushBlob(repositoryName, "{}"), size: 2 },
    { digest: await it.pushBlob(repositoryName, layer), size: layer.length },
  ];
  const imageManifest = manifestOf(blobs);
  const { image } = await it.ecr.send(
    new PutImageCommand({ repositoryName, imageManifest, imageManifestMediaType: ociManifest, imageTag }),
  );
  expect(image?.imageId?.imageDigest).toBe(sha256(imageManifest));
  return sha256(imageManifest);
}

describe("repositories", () => {
  test("are described with the address where the registry answers", async () => {
    const repositoryName = await newRepository({ tags: [{ Key: "team", Value: "ml" }] });
    const { repositories } = await it.ecr.send(new DescribeRepositoriesCommand({ repositoryNames: [repositoryName] }));
    const arn = `arn:aws:ecr:us-west-2:111122223333:repository/${repositoryName}`;
    expect(repositories).toMatchObject([
      {
        repositoryName,
        registryId: "111122223333",
        repositoryArn: arn,
        repositoryUri: `127.0.0.1:${it.server.port}/${repositoryName}`,
        imageTagMutability: "MUTABLE",
        encryptionConfiguration: { encryptionType: "AES256" },
      },
    ]);
    await it.ecr.send(new TagResourceCommand({ resourceArn: arn, tags: [{ Key: "a", Value: "b" }] }));
    await it.ecr.send(new UntagResourceCommand({ resourceArn: arn, tagKeys: ["team"] }));
    expect((await it.ecr.send(new ListTagsForResourceCommand({ resourceArn: arn }))).tags).toEqual([
      { Key: "a", Value: "b" },
    ]);
    const scanning = { repositoryName, imageScanningConfiguration: { scanOnPush: true } };
    expect(await it.ecr.send(new PutImageScanningConfigurationCommand(scanning))).toMatchObject(scanning);
  });

  test("are listed in pages by name", async () => {
    const made = [await newRepository(), await newRepository(), await newRepository()];
    const seen: (string | undefined)[] = [];
    let nextToken: string | undefined;
    do {
      const page = await it.ecr.send(new DescribeRepositoriesCommand({ maxResults: 2, nextToken }));
      seen.push(...(page.repositories ?? []).map((each) => each.repositoryName));
      nextToken = page.nextToken;
    } while (nextToken !== undefined);
    expect(seen).toEqual([...seen].sort());
    for (const name of made) expect(seen.filter((each) => each === name)).toHaveLength(1);
  });

  test.for<[string, () => Promise<unknown>, string, RegExp]>([
    [
      "a taken name",
      async () => it.ecr.send(new CreateRepositoryCommand({ repositoryName: await newRepository() })),
      "RepositoryAlreadyExistsException",
      /already exists in the registry with id '111122223333'/,
    ],
    [
      "a name that cannot be",
      () => it.ecr.send(new CreateRepositoryCommand({ repositoryName: "UPPER" })),
      "InvalidParameterException",
      /repositoryName/,
    ],
    [
      "a name that is not there",
      () => it.ecr.send(new DescribeRepositoriesCommand({ repositoryNames: ["nobody"] })),
      "RepositoryNotFoundException",
      /'nobody' does not exist/,
    ],
    [
      "deleting what is not there",
      () => it.ecr.send(new DeleteRepositoryCommand({ repositoryName: "nobody" })),
      "RepositoryNotFoundException",
      /'nobody'/,
    ],
    [
      "another account's registry",
      () => it.ecr.send(new DescribeRepositoriesCommand({ registryId: "999999999999" })),
      "InvalidParameterException",
      /registryId/,
    ],
    [
      "a token of another list",
      () => it.ecr.send(new DescribeRepositoriesCommand({ nextToken: "x" })),
      "InvalidParameterException",
      /nextToken/,
    ],
    [
      "images of nobody",
      () => it.ecr.send(new ListImagesCommand({ repositoryName: "nobody" })),
      "RepositoryNotFoundException",
      /'nobody'/,
    ],
  ])("%s is an error of ECR's", async ([, act, name, message]) => {
    await expect(act()).rejects.toMatchObject({ name, message: expect.stringMatching(message) as string });
  });

  test("go with their images only by force, and a new one of the same name is empty", async () => {
    const repositoryName = await newRepository();
    await putImage(repositoryName, "v1", "layer");
    const refused = it.ecr.send(new DeleteRepositoryCommand({ repositoryName }));
    await expect(refused).rejects.toMatchObject({ name: "RepositoryNotEmptyException" });
    await it.ecr.send(new DeleteRepositoryCommand({ repositoryName, force: true }));
    await it.ecr.send(new CreateRepositoryCommand({ repositoryName }));
    expect((await it.ecr.send(new ListImagesCommand({ repositoryName }))).imageIds).toEqual([]);
    expect((await it.call("HEAD", `${repositoryName}/blobs/${sha256("layer")}`)).status).toBe(404);
    expect((await it.registry.collect()).images).toBe(1);
    await it.ecr.send(new DeleteRepositoryCommand({ repositoryName }));
  });
});

describe("the token", () => {
  test("logs the user AWS in, to the registry of the caller's region", async () => {
    const { authorizationData: [data] = [] } = await it.ecr.send(new GetAuthorizationTokenCommand({}));
    expect(data?.proxyEndpoint).toBe(it.server.endpoint);
    const inTwelveHours = (data?.expiresAt?.getTime() ?? 0) - Date.now();
    expect(inTwelveHours).toBeGreaterThan(11.9 * 3600_000);
    const name = await newRepository();
    const headers = { authorization: `Basic ${data?.authorizationToken ?? ""}` };
    expect((await it.call("GET", `${name}/tags/list`, { headers })).status).toBe(200);
    const changed = Buffer.from(data?.authorizationToken ?? "", "base64")
      .toString()
      .replace(/.$/, (end) => (end === "A" ? "B" : "A"));
    const forged = { authorization: `Basic ${Buffer.from(changed).toString("base64")}` };
    expect((await it.call("GET", `${name}/tags/list`, { headers: forged })).status).toBe(401);
  });
});

describe("images", () => {
  test("are described, listed by tag, fetched, and deleted by tag and by digest", async () => {
    const repositoryName = await newRepository();
    const first = await putImage(repositoryName, "v1", "one");
    const second = await putImage(repositoryName, undefined, "other");
    const { imageDetails = [] } = await it.ecr.send(
      new DescribeImagesCommand({ repositoryName, imageIds: [{ imageTag: "v1" }] }),
    );
    expect(imageDetails).toMatchObject([
      { imageDigest: first, imageTags: ["v1"], imageSizeInBytes: 5, imageManifestMediaType: ociManifest },
    ]);
    const list = async (tagStatus?: "TAGGED" | "UNTAGGED") =>
      (await it.ecr.send(new ListImagesCommand({ repositoryName, ...(tagStatus && { filter: { tagStatus } }) })))
        .imageIds;
    expect(await list("TAGGED")).toEqual([{ imageDigest: first, imageTag: "v1" }]);
    expect(await list("UNTAGGED")).toEqual([{ imageDigest: second }]);
    const { images, failures } = await it.ecr.send(
      new BatchGetImageCommand({
        repositoryName,
        imageIds: [{ imageDigest: second }, { imageTag: "none" }, { imageTag: "v1", imageDigest: second }],
      }),
    );
    expect(sha256(images?.[0]?.imageManifest ?? "")).toBe(second);
    expect(failures?.map(({ failureCode }) => failureCode)).toEqual(["ImageNotFound", "ImageTagDoesNotMatchDigest"]);
    const gone = await it.ecr.send(
      new BatchDeleteImageCommand({ repositoryName, imageIds: [{ imageTag: "v1" }, { imageDigest: second }] }),
    );
    expect([gone.imageIds, gone.failures]).toEqual([
      [{ imageDigest: first, imageTag: "v1" }, { imageDigest: second }],
      [],
    ]);
    expect(await list()).toEqual([]);
    await expect(
      it.ecr.send(new DescribeImagesCommand({ repositoryName, imageIds: [{ imageTag: "v1" }] })),
    ).rejects.toMatchObject({ name: "ImageNotFoundException" });
  });

  test("every page of a list continues where the last one ended, also within one image's tags", async () => {
    const repositoryName = await newRepository();
    for (const tag of ["a", "b", "c"]) {
      const headers = { "content-type": ociManifest };
      const config = await it.pushBlob(repositoryName, "{}");
      const body = manifestOf([{ digest: config, size: 2 }]);
      expect((await it.call("PUT", `${repositoryName}/manifests/${tag}`, { body, headers })).status).toBe(201);
    }
    await putImage(repositoryName, "d", "another");
    const seen: (string | undefined)[] = [];
    let nextToken: string | undefined;
    do {
      const page = await it.ecr.send(new ListImagesCommand({ repositoryName, maxResults: 1, nextToken }));
      expect(page.imageIds).toHaveLength(1);
      seen.push(page.imageIds?.[0]?.imageTag);
      nextToken = page.nextToken;
    } while (nextToken !== undefined);
    expect(seen.sort()).toEqual(["a", "b", "c", "d"]);
    const described = await it.ecr.send(new DescribeImagesCommand({ repositoryName, maxResults: 1 }));
    const rest = await it.ecr.send(
      new DescribeImagesCommand({ repositoryName, maxResults: 5, nextToken: described.nextToken }),
    );
    expect([described.imageDetails?.length, rest.imageDetails?.length, rest.nextToken]).toEqual([1, 1, undefined]);
  });

  test("an immutable tag stays where it is, for PutImage and for docker, but for excluded tags", async () => {
    const repositoryName = await newRepository({ imageTagMutability: "IMMUTABLE" });
    await putImage(repositoryName, "v1", "one");
    await expect(putImage(repositoryName, "v1", "two")).rejects.toMatchObject({
      name: "ImageTagAlreadyExistsException",
    });
    await expect(putImage(repositoryName, "v1", "one")).rejects.toMatchObject({ name: "ImageAlreadyExistsException" });
    await it.ecr.send(
      new PutImageTagMutabilityCommand({
        repositoryName,
        imageTagMutability: "IMMUTABLE_WITH_EXCLUSION",
        imageTagMutabilityExclusionFilters: [{ filterType: "WILDCARD", filter: "latest*" }],
      }),
    );
    await putImage(repositoryName, "latest-dev", "one");
    await putImage(repositoryName, "latest-dev", "three");
    const config = await it.pushBlob(repositoryName, "[]");
    const body = manifestOf([{ digest: config, size: 2 }]);
    const pushed = await it.call("PUT", `${repositoryName}/manifests/v1`, {
      body,
      headers: { "content-type": ociManifest },
    });
    expect([pushed.status, await pushed.text()]).toEqual([400, expect.stringContaining("TAG_INVALID")]);
  });

  test.for<[string, Record<string, unknown>, string]>([
    [
      "a layer that is not there",
      { imageManifest: manifestOf([{ digest: sha256("x"), size: 1 }]) },
      "LayersNotFoundException",
    ],
    ["no manifest", { imageManifest: "hello" }, "InvalidParameterException"],
    [
      "another digest",
      { imageManifest: manifestOf([{ digest: sha256("x"), size: 1 }]), imageDigest: sha256("y") },
      "ImageDigestDoesNotMatchException",
    ],
  ])("PutImage refuses %s", async ([, input, name]) => {
    const repositoryName = await newRepository();
    const put = it.ecr.send(new PutImageCommand({ repositoryName, ...input } as never));
    await expect(put).rejects.toMatchObject({ name });
  });

  test("referrers are listed", async () => {
    const repositoryName = await newRepository();
    const imageDigest = await putImage(repositoryName, "v1", "one");
    const config = await it.pushBlob(repositoryName, "{}");
    const subject = { mediaType: ociManifest, digest: imageDigest, size: 1 };
    const imageManifest = manifestOf([{ digest: config, size: 2 }], { subject, artifactType: "application/x-sbom" });
    await it.ecr.send(new PutImageCommand({ repositoryName, imageManifest }));
    const { referrers } = await it.ecr.send(
      new ListImageReferrersCommand({ repositoryName, subjectId: { imageDigest } }),
    );
    expect(referrers).toMatchObject([{ digest: sha256(imageManifest), artifactType: "application/x-sbom" }]);
  });
});

describe("layers", () => {
  test("are sent in parts, checked, and downloaded from an address that is good for them alone", async () => {
    const repositoryName = await newRepository();
    const bytes = randomBytes(200_000);
    const layerDigest = sha256(bytes);
    const check = () =>
      it.ecr.send(new BatchCheckLayerAvailabilityCommand({ repositoryName, layerDigests: [layerDigest, "x"] }));
    expect(await check()).toMatchObject({
      layers: [{ layerAvailability: "UNAVAILABLE" }],
      failures: [{ failureCode: "InvalidLayerDigest" }],
    });
    const { uploadId } = await it.ecr.send(new InitiateLayerUploadCommand({ repositoryName }));
    const part = (partFirstByte: number, partLastByte: number) =>
      it.ecr.send(
        new UploadLayerPartCommand({
          repositoryName,
          uploadId,
          partFirstByte,
          partLastByte,
          layerPartBlob: bytes.subarray(partFirstByte, partLastByte + 1),
        }),
      );
    expect(await part(0, 99_999)).toMatchObject({ lastByteReceived: 99_999 });
    await expect(part(50_000, 60_000)).rejects.toMatchObject({
      name: "InvalidLayerPartException",
      lastValidByteReceived: 99_999,
    });
    await part(100_000, 199_999);
    const complete = (digest: string, id = uploadId) =>
      it.ecr.send(new CompleteLayerUploadCommand({ repositoryName, uploadId: id, layerDigests: [digest] }));
    await expect(complete(sha256("other"))).rejects.toMatchObject({ name: "InvalidLayerException" });
    expect(await complete(layerDigest)).toMatchObject({ layerDigest });
    await expect(complete(layerDigest)).rejects.toMatchObject({ name: "UploadNotFoundException" });
    expect((await check()).layers).toMatchObject([{ layerAvailability: "AVAILABLE", layerSize: 200_000 }]);
    const { downloadUrl = "" } = await it.ecr.send(new GetDownloadUrlForLayerCommand({ repositoryName, layerDigest }));
    const found = await fetch(downloadUrl);
    expect(sha256(Buffer.from(await found.arrayBuffer()))).toBe(layerDigest);
    const other = await it.pushBlob(repositoryName, "secret");
    expect((await fetch(downloadUrl.replace(layerDigest, other))).status).toBe(401);
    await expect(
      it.ecr.send(new GetDownloadUrlForLayerCommand({ repositoryName, layerDigest: sha256("none") })),
    ).rejects.toMatchObject({ name: "LayersNotFoundException" });
  });
});

describe("policies", () => {
  const keepOne = JSON.stringify({
    rules: [
      {
        rulePriority: 1,
        selection: { tagStatus: "any", countType: "imageCountMoreThan", countNumber: 1 },
        action: { type: "expire" },
      },
    ],
  });

  test("a lifecycle policy is tried, and then applied at collection", async () => {
    const repositoryName = await newRepository();
    await putImage(repositoryName, "old", "one");
    const kept = await putImage(repositoryName, "new", "two");
    const get = () => it.ecr.send(new GetLifecyclePolicyCommand({ repositoryName }));
    await expect(get()).rejects.toMatchObject({ name: "LifecyclePolicyNotFoundException" });
    const preview = () => it.ecr.send(new GetLifecyclePolicyPreviewCommand({ repositoryName }));
    await expect(preview()).rejects.toMatchObject({ name: "LifecyclePolicyPreviewNotFoundException" });
    await it.ecr.send(new StartLifecyclePolicyPreviewCommand({ repositoryName, lifecyclePolicyText: keepOne }));
    expect(await preview()).toMatchObject({
      status: "COMPLETE",
      previewResults: [{ imageTags: ["old"], appliedRulePriority: 1 }],
    });
    await it.registry.collect();
    expect((await it.ecr.send(new ListImagesCommand({ repositoryName }))).imageIds).toHaveLength(2);
    await it.ecr.send(new PutLifecyclePolicyCommand({ repositoryName, lifecyclePolicyText: keepOne }));
    expect((await get()).lifecyclePolicyText).toBe(keepOne);
    expect((await it.registry.collect()).images).toBe(1);
    expect((await it.ecr.send(new ListImagesCommand({ repositoryName }))).imageIds).toEqual([
      { imageDigest: kept, imageTag: "new" },
    ]);
    await it.ecr.send(new DeleteLifecyclePolicyCommand({ repositoryName }));
    await expect(get()).rejects.toMatchObject({ name: "LifecyclePolicyNotFoundException" });
  });

  test("a policy that cannot be is refused with its place", async () => {
    const repositoryName = await newRepository();
    const lifecyclePolicyText = keepOne.replace("imageCountMoreThan", "whenTheMoonIsFull-and-then-some-more");
    const put = it.ecr.send(new PutLifecyclePolicyCommand({ repositoryName, lifecyclePolicyText }));
    await expect(put).rejects.toMatchObject({
      name: "InvalidParameterException",
      message: expect.stringContaining("rules[0].selection.countType") as string,
    });
  });

  test("a repository policy is kept", async () => {
    const repositoryName = await newRepository();
    const get = () => it.ecr.send(new GetRepositoryPolicyCommand({ repositoryName }));
    await expect(get()).rejects.toMatchObject({ name: "RepositoryPolicyNotFoundException" });
    const policyText = JSON.stringify({ Version: "2012-10-17", Statement: [] });
    await it.ecr.send(new SetRepositoryPolicyCommand({ repositoryName, policyText }));
    expect((await get()).policyText).toBe(policyText);
    await it.ecr.send(new DeleteRepositoryPolicyCommand({ repositoryName }));
    await expect(get()).rejects.toMatchObject({ name: "RepositoryPolicyNotFoundException" });
  });
});
