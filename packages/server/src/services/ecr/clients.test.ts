import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { CreateRepositoryCommand, DescribeImagesCommand, GetAuthorizationTokenCommand } from "@aws-sdk/client-ecr";
import { afterAll, beforeAll, expect, test } from "vitest";
import { requirements, where } from "../../engines/requirements.ts";
import { type ContainerTools, openContainerTools } from "./testkit/container-tools.ts";
import { type RegistryServer, startRegistryServer } from "./testkit/registry-server.ts";

where("podman and skopeo", [requirements.podman, requirements.skopeo, requirements.root], () => {
  let it: RegistryServer;
  let tools: ContainerTools;
  let registry: string;
  let password: string;

  beforeAll(async () => {
    it = await startRegistryServer();
    tools = await openContainerTools();
    registry = `127.0.0.1:${it.server.port}`;
    for (const repositoryName of ["team/tool", "team/copy"])
      await it.ecr.send(new CreateRepositoryCommand({ repositoryName }));
    const { authorizationData } = await it.ecr.send(new GetAuthorizationTokenCommand({}));
    password = Buffer.from(authorizationData?.[0]?.authorizationToken ?? "", "base64")
      .toString()
      .slice("AWS:".length);
  });
  afterAll(async () => {
    await tools.close();
    await it.close();
  });

  test("podman logs in, pushes, forgets, pulls the same image again", async () => {
    const tree = join(tools.folder, "tree");
    execFileSync("mkdir", ["-p", tree]);
    // More than a block of the byte store, and nothing that compresses to less.
    writeFileSync(join(tree, "data"), randomBytes(3_000_000));
    const tar = join(tools.folder, "tree.tar");
    execFileSync("tar", ["-C", tree, "-cf", tar, "."]);
    const reference = `${registry}/team/tool:v1`;
    const refused = tools.podman("pull", "--tls-verify=false", reference);
    await expect(refused).rejects.toThrow(/authentication required|token is missing/);
    await tools.podman("login", "--tls-verify=false", "--username", "AWS", "--password", password, registry);
    await tools.podman("import", "--change", 'ENTRYPOINT ["/tool"]', tar, reference);
    await tools.podman("push", "--tls-verify=false", reference);
    const { imageDetails } = await it.ecr.send(new DescribeImagesCommand({ repositoryName: "team/tool" }));
    expect(imageDetails).toMatchObject([{ imageTags: ["v1"] }]);
    await tools.podman("rmi", reference);
    await tools.podman("pull", "--tls-verify=false", `${registry}/team/tool@${imageDetails?.[0]?.imageDigest ?? ""}`);
    const [image] = JSON.parse(
      await tools.podman("image", "inspect", (await tools.podman("images", "-q")).split("\n")[0] as string),
    ) as { Config: { Entrypoint: string[] } }[];
    expect(image?.Config.Entrypoint).toEqual(["/tool"]);
  });

  test("skopeo copies from repository to repository, to Docker's format, lists tags, inspects and deletes", async () => {
    const login = ["--creds", `AWS:${password}`, "--tls-verify=false"];
    const both = [
      "--src-creds",
      `AWS:${password}`,
      "--src-tls-verify=false",
      "--dest-creds",
      `AWS:${password}`,
      "--dest-tls-verify=false",
    ];
    const [from, to] = [`docker://${registry}/team/tool`, `docker://${registry}/team/copy`];
    await tools.skopeo("copy", ...both, `${from}:v1`, `${to}:oci`);
    await tools.skopeo("copy", "--format", "v2s2", ...both, `${from}:v1`, `${to}:docker`);
    const tags = JSON.parse(await tools.skopeo("list-tags", ...login, to)) as { Tags: string[] };
    expect(tags.Tags).toEqual(["docker", "oci"]);
    const inspect = async (tag: string) =>
      JSON.parse(await tools.skopeo("inspect", "--raw", ...login, `${to}:${tag}`)) as { mediaType?: string };
    expect((await inspect("docker")).mediaType).toBe("application/vnd.docker.distribution.manifest.v2+json");
    await tools.skopeo("delete", ...login, `${to}:docker`);
    expect((JSON.parse(await tools.skopeo("list-tags", ...login, to)) as { Tags: string[] }).Tags).toEqual(["oci"]);
  });
});
