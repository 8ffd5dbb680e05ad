import { mkdtemp, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { CloudWatchLogsClient, FilterLogEventsCommand } from "@aws-sdk/client-cloudwatch-logs";
import { StopTrainingJobCommand } from "@aws-sdk/client-sagemaker";
import { afterAll, beforeAll, expect, test } from "vitest";
import { platformSocketPath } from "../../../engines/index.ts";
import { openEngine } from "../../../engines/open-engine.ts";
import { requirements, where } from "../../../engines/requirements.ts";
import type { ImageSource, Preparation } from "../../../images/image.ts";
import { Images } from "../../../images/images.ts";
import { silentLog } from "../../../log.ts";
import { s3Service } from "../../s3/index.ts";
import { bytes, type JobServer, startJobServerOn } from "./testkit/job-server.ts";

/** Any container's image is the host's own tools, and runs what the request says. */
class HostTools implements ImageSource {
  homes = "";

  refusal(image: { readonly kind: string }): string | undefined {
    return image.kind === "container" ? undefined : "it is no container's image";
  }

  async prepare({ start }: Parameters<ImageSource["prepare"]>[0]): Promise<Preparation> {
    const home = await mkdtemp(join(this.homes, "home-"));
    const command = [...(start.entrypoint ?? []), ...(start.arguments ?? [])];
    const root = { kind: "host-tools", binds: [], home } as const;
    const { environment } = start;
    return { state: "ready", image: { root, command, environment, workingDirectory: "/", notices: [] } };
  }
}

const { bubblewrap, userNamespaces, root, iproute2, nftables, nativeSupervisor } = requirements;
const lifetime = 3000;

where("own code calls the platform", [bubblewrap, userNamespaces, root, iproute2, nftables, nativeSupervisor], () => {
  const tools = new HostTools();
  let jobs: JobServer<Awaited<ReturnType<typeof openEngine>>>;
  let library: string;
  beforeAll(async () => {
    library = await readFile(fileURLToPath(new URL("./testkit/aws_calls.py", import.meta.url)), "utf8");
    jobs = await startJobServerOn(
      (directory) =>
        openEngine({ directory, kind: "sandbox", log: silentLog, platformSocket: platformSocketPath(directory) }),
      new Images([tools]),
      {},
      undefined,
      { services: [s3Service], credentialsLifetimeMs: lifetime },
    );
    tools.homes = jobs.server.platform.dataDirectory.temporary;
  });
  afterAll(() => jobs.close());

  let scripts = 0;
  const code = "/opt/ml/input/data/code";
  const create = async (script: string, changes: object = {}) => {
    const prefix = `code-${scripts++}/`;
    await jobs.server.platform.objects.put("data", `${prefix}aws_calls.py`, bytes(library));
    await jobs.server.platform.objects.put("data", `${prefix}script.py`, bytes(script));
    const S3DataSource = { S3DataType: "S3Prefix" as const, S3Uri: `s3://data/${prefix}` };
    return jobs.create({
      AlgorithmSpecification: {
        TrainingImage: "mine:1",
        TrainingInputMode: "File",
        ContainerEntrypoint: ["/usr/bin/python3", `${code}/aws_calls.py`],
        ContainerArguments: [`${code}/script.py`],
      },
      InputDataConfig: [{ ChannelName: "code", DataSource: { S3DataSource } }],
      ...changes,
    });
  };
  /** What the script told, by name. */
  const told = async (name: string): Promise<Record<string, unknown>> => {
    const logs = new CloudWatchLogsClient(jobs.server.client);
    const group = "/aws/sagemaker/TrainingJobs";
    const { events } = await logs.send(
      new FilterLogEventsCommand({ logGroupName: group, logStreamNamePrefix: `${name}/` }),
    );
    const lines = (events ?? []).map(({ message }) => message as string);
    const values = lines.flatMap((line) => (line.startsWith("{") ? [JSON.parse(line) as object] : []));
    if (values.length === 0) throw new Error(`The script told nothing: ${lines.join("\n")}`);
    return Object.assign({}, ...values) as Record<string, unknown>;
  };
  const run = async (script: string, changes?: object) => {
    const name = await create(script, changes);
    await jobs.until(name, "Completed", "Failed");
    return told(name);
  };

  test("a script lists its bucket as its execution role, and its credentials end and are renewed", async () => {
    const seen = await run(`
first = json.loads(credentials())
while "ExpiredToken" in (keys := signed_get(json.loads(credentials()), "/data", "list-type=2&prefix=train%2F")): pass
tell("keys", keys)
tell("first", {name: value for name, value in first.items() if name not in ("SecretAccessKey", "Token")})
import time
while "ExpiredToken" not in (late := signed_get(first, "/data/train/a.csv")): time.sleep(0.1)
tell("late", late)
while "ExpiredToken" in (found := signed_get(second := json.loads(credentials()), "/data/train/a.csv")): pass
tell("renewed", second["AccessKeyId"] != first["AccessKeyId"])
tell("object", found)
tell("environment", sorted(name for name in os.environ if name.startswith("AWS_") or name == "S3_ENDPOINT_URL"))`);
    expect(seen["keys"]).toContain("<Key>train/a.csv</Key>");
    expect(seen["first"]).toMatchObject({
      RoleArn: "arn:aws:iam::111122223333:role/SagebrushExecutionRole",
      AccessKeyId: expect.stringMatching(/^ASIA/),
      Expiration: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
    });
    expect(seen["late"]).toMatch(/^400 .*ExpiredToken/s);
    expect(seen["renewed"]).toBe(true);
    expect(seen["object"]).toBe("1,2\n3,4\n");
    expect(seen["environment"]).toEqual([
      "AWS_CONTAINER_AUTHORIZATION_TOKEN",
      "AWS_CONTAINER_CREDENTIALS_FULL_URI",
      "AWS_DEFAULT_REGION",
      "AWS_ENDPOINT_URL",
      "AWS_EXECUTION_ENV",
      "AWS_REGION",
      "S3_ENDPOINT_URL",
    ]);
  });

  test("under EnableNetworkIsolation there is an eth0 but no way out, no platform and no credentials", async () => {
    const seen = await run(
      `
import socket
tell("interfaces", sorted(name for _, name in socket.if_nameindex()))
tell("variables", [name for name in os.environ if "CREDENTIALS" in name or "TOKEN" in name or "ENDPOINT" in name])
tell("outside", fetch("http://198.51.100.7/"))
tell("platform", fetch("http://169.254.170.2/_sagebrush/health"))`,
      { EnableNetworkIsolation: true },
    );
    expect(seen["interfaces"]).toEqual(["eth0", "lo"]);
    expect(seen["variables"]).toEqual([]);
    expect(seen["outside"]).toMatch(/^unreachable/);
    expect(seen["platform"]).toMatch(/^unreachable/);
  });

  test("a token opens nothing of another run, and nothing after its job", async () => {
    const holder = await create(`
tell("uri", os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"]); tell("token", os.environ["AWS_CONTAINER_AUTHORIZATION_TOKEN"])
import time; time.sleep(600)`);
    await expect.poll(() => told(holder).catch(() => ({})), { timeout: 20_000 }).toHaveProperty("token");
    const { uri, token } = await told(holder);
    const ask = `
tell("theirs", credentials(uri=${JSON.stringify(uri)}))
tell("with their token", credentials(token=${JSON.stringify(token)}))
tell("none", fetch(os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"]))
tell("own", credentials()[:1])`;
    const seen = await run(ask);
    expect(seen["theirs"]).toMatch(/^403 /);
    expect(seen["with their token"]).toMatch(/^403 /);
    expect(seen["none"]).toMatch(/^403 /);
    expect(seen["own"]).toBe("{");
    await jobs.sagemaker.send(new StopTrainingJobCommand({ TrainingJobName: holder }));
    await jobs.until(holder, "Stopped");
    const after = await run(`tell("both", credentials(uri=${JSON.stringify(uri)}, token=${JSON.stringify(token)}))`);
    expect(after["both"]).toMatch(/^403 .*ended/);
  });
});
