import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { CloudWatchLogsClient, FilterLogEventsCommand } from "@aws-sdk/client-cloudwatch-logs";
import { CreateRepositoryCommand, ECRClient } from "@aws-sdk/client-ecr";
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import {
  CreateEndpointCommand,
  CreateEndpointConfigCommand,
  CreateModelCommand,
  CreateTrainingJobCommand,
  type CreateTrainingJobCommandInput,
  DeleteEndpointCommand,
  DescribeTrainingJobCommand,
  type DescribeTrainingJobCommandOutput,
  SageMakerClient,
  waitUntilEndpointDeleted,
  waitUntilEndpointInService,
} from "@aws-sdk/client-sagemaker";
import { InvokeEndpointCommand, SageMakerRuntimeClient } from "@aws-sdk/client-sagemaker-runtime";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readConfiguration } from "../configuration.ts";
import { requirements, where } from "../engines/requirements.ts";
import { parseLdd } from "../engines/sandbox/minimal-root.ts";
import { type Server, startServer } from "../main.ts";
import { type TarMember, tarOf } from "../serving/testkit/tar-builder.ts";
import { hostArchitecture } from "./image-config.ts";
import { parseImageReference } from "./reference.ts";

test.for([
  ["127.0.0.1:9310/team/tool:v1", { host: "127.0.0.1:9310", repository: "team/tool", tag: "v1" }],
  ["localhost:5000/tool", { host: "localhost:5000", repository: "tool" }],
  ["team/tool", { repository: "team/tool" }],
  ["tool:v1", { repository: "tool", tag: "v1" }],
  [
    "111122223333.dkr.ecr.us-west-2.amazonaws.com/tool:v1",
    { host: "111122223333.dkr.ecr.us-west-2.amazonaws.com", repository: "tool", tag: "v1" },
  ],
  [
    `registry.example.com/a/b@sha256:${"0".repeat(64)}`,
    { host: "registry.example.com", repository: "a/b", digest: `sha256:${"0".repeat(64)}` },
  ],
] as const)("the reference %s is read", ([uri, reference]) => {
  expect(parseImageReference(uri)).toEqual(reference);
});

const { bubblewrap, busybox, nativeSupervisor, root, userNamespaces } = requirements;

where("jobs on pushed images", [bubblewrap, userNamespaces, nativeSupervisor, root, busybox], () => {
  const account = "000000000000";
  const repository = "team/tool";
  let directory: string;
  let server: Server;
  let sagemaker: SageMakerClient;
  let s3: S3Client;
  let logs: CloudWatchLogsClient;
  let authorization: string;
  let host: string;
  let digests: Record<string, string> = {};
  let jobs = 0;

  let client: { endpoint: string; region: string; credentials: { accessKeyId: string; secretAccessKey: string } };

  /** nginx of this machine with what it loads, the shell above, and both of SageMaker's programs. */
  function nginxMembers(): TarMember[] {
    const nginx = "/usr/sbin/nginx";
    const libraries = parseLdd(execFileSync("ldd", [nginx], { encoding: "utf8" }));
    const file = (path: string, mode = 0o755): TarMember => ({
      path: path.slice(1),
      content: readFileSync(path),
      mode,
    });
    const text = (path: string, content: string, mode = 0o644): TarMember => ({ path, content, mode });
    const configuration = `user www-data; worker_processes 1; error_log /dev/stderr; pid /tmp/nginx.pid; events {}
      http { access_log /dev/stdout; server { listen 8080;
        location = /ping { access_log off; return 200 "ok"; }
        location = /invocations { access_log off; return 200 "predicted by nginx from $content_type"; }
        location = /train { access_log off; return 200 "predicted\\n"; } } }`;
    return [
      ...[nginx, ...libraries].map((path) => file(path)),
      {
        path: "bin/busybox",
        content: readFileSync(execFileSync("sh", ["-c", "command -v busybox"], { encoding: "utf8" }).trim()),
        mode: 0o755,
      },
      ...["sh", "cat", "sleep", "wget", "ps", "grep", "stat", "cp"].map((name) => ({
        path: `bin/${name}`,
        flag: "2",
        linkTo: "busybox",
      })),
      text("etc/passwd", "root:x:0:0:root:/root:/bin/sh\nwww-data:x:33:33::/:/bin/sh\n"),
      text("etc/group", "root:x:0:\nwww-data:x:33:\n"),
      text("etc/nginx/nginx.conf", configuration),
      { path: "var/lib/nginx/", flag: "5", mode: 0o755 },
      { path: "var/log/nginx/", flag: "5", mode: 0o755 },
      text("usr/local/bin/serve", "#!/bin/sh\nexec nginx -g 'daemon off;'\n", 0o755),
      text(
        "usr/local/bin/train",
        `#!/bin/sh
nginx -g 'daemon off;' & sleep 0; until wget -q -O /dev/null http://127.0.0.1:8080/ping 2>/dev/null; do sleep 0.1; done
for p in /proc/[0-9]*; do grep -q 'worker process' $p/cmdline 2>/dev/null && echo "worker of $(stat -c %u $p)"; done
echo logged > /dev/stdout
wget -q -O - http://127.0.0.1:8080/train 2>/dev/null | grep predicted
cp /opt/ml/input/data/train/a.csv /opt/ml/model
`,
        0o755,
      ),
    ];
  }

  const trainScript = `#!/bin/sh
echo "verb $*"
echo "colour $COLOUR of $BASE in $(pwd) as $(id -u) at $HOME"
cp /opt/ml/input/data/train/* /opt/ml/model/
echo more > /usr/more
`;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), "sagebrush-images-"));
    server = await startServer(readConfiguration({ "data-dir": directory, port: "0", engine: "sandbox" }, {}));
    const credentials = JSON.parse(readFileSync(join(directory, "credentials.json"), "utf8")) as {
      accessKeyId: string;
      secretAccessKey: string;
    };
    client = { endpoint: server.url, region: "us-east-1", credentials };
    [sagemaker, logs] = [new SageMakerClient(client), new CloudWatchLogsClient(client)];
    s3 = new S3Client({ ...client, forcePathStyle: true });
    host = new URL(server.url).host;
    const pair = `${credentials.accessKeyId}:${credentials.secretAccessKey}`;
    authorization = `Basic ${Buffer.from(pair).toString("base64")}`;
    await new ECRClient(client).send(new CreateRepositoryCommand({ repositoryName: repository }));
    await s3.send(new CreateBucketCommand({ Bucket: "data" }));
    await s3.send(new PutObjectCommand({ Bucket: "data", Key: "train/a.csv", Body: "1,2\n" }));
    const program = readFileSync(execFileSync("sh", ["-c", "command -v busybox"]).toString().trim());
    const link = (name: string): TarMember => ({ path: `bin/${name}`, flag: "2", linkTo: "busybox" });
    const base = [
      { path: "bin/busybox", content: program, mode: 0o755 },
      ...["sh", "cat", "cp", "id", "pwd", "echo", "sleep", "ls"].map(link),
      { path: "etc/passwd", content: "root:x:0:0:root:/root:/bin/sh\nml:x:1000:1000:ml:/home/ml:/bin/sh\n" },
      { path: "usr/local/bin/removed", content: "#!/bin/sh\n", mode: 0o755 },
      { path: "work/", flag: "5", mode: 0o755 },
    ];
    const top = [
      { path: "usr/bin/train", content: trainScript, mode: 0o755 },
      { path: "usr/local/bin/.wh.removed", content: "" },
      { path: "opt/ml/code/hello.sh", content: "#!/bin/sh\necho hello from the image\n", mode: 0o755 },
    ];
    const layers = [gzipSync(tarOf(base)), tarOf(top)];
    const config = { Env: ["PATH=/usr/local/bin:/usr/bin:/bin", "BASE=busybox"], WorkingDir: "/work" };
    digests = {
      v1: await push("v1", layers, config),
      entry: await push("entry", layers, { ...config, Entrypoint: ["/bin/sh", "-c", 'echo entry "$@"', "word"] }),
      user: await push("user", layers, { ...config, User: "ml" }),
      code: await push("code", layers, { ...config, WorkingDir: "/opt/ml/code", Entrypoint: ["./hello.sh"] }),
      nobody: await push("nobody", layers, { ...config, User: "missing" }),
      other: await push("other", layers, config, "riscv64"),
      broken: await push("broken", [gzipSync(tarOf([{ path: "../out", content: "x" }]))], config),
    };
  });
  afterAll(async () => {
    await server.close();
    rmSync(directory, { recursive: true, force: true });
  });

  async function push(tag: string, layers: readonly Buffer[], config: object, architecture = hostArchitecture()) {
    const blobs: { digest: string; size: number }[] = [];
    const configuration = { architecture, os: "linux", config, rootfs: { type: "layers", diff_ids: [] } };
    for (const blob of [Buffer.from(JSON.stringify(configuration)), ...layers]) {
      const digest = `sha256:${createHash("sha256").update(blob).digest("hex")}`;
      await call("POST", `blobs/uploads/?digest=${digest}`, blob);
      blobs.push({ digest, size: blob.length });
    }
    const mediaType = "application/vnd.oci.image.manifest.v1+json";
    const [first, ...rest] = blobs;
    const manifest = JSON.stringify({ schemaVersion: 2, mediaType, config: first, layers: rest });
    await call("PUT", `manifests/${tag}`, manifest, { "content-type": mediaType });
    return `sha256:${createHash("sha256").update(manifest).digest("hex")}`;
  }

  async function call(method: string, path: string, body: string | Buffer, headers: Record<string, string> = {}) {
    const answer = await fetch(`${server.url}/v2/${repository}/${path}`, {
      method,
      headers: { authorization, ...headers },
      body: body as string,
    });
    if (answer.status !== 201) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
  }

  /** Runs a job of an image to its end. */
  async function run(
    image: string,
    changes: Partial<CreateTrainingJobCommandInput["AlgorithmSpecification"]> = {},
  ): Promise<{ job: DescribeTrainingJobCommandOutput; lines: string[] }> {
    const TrainingJobName = `image-${++jobs}`;
    await sagemaker.send(
      new CreateTrainingJobCommand({
        TrainingJobName,
        RoleArn: `arn:aws:iam::${account}:role/SagebrushExecutionRole`,
        AlgorithmSpecification: { TrainingImage: image, TrainingInputMode: "File", ...changes },
        Environment: { COLOUR: "green" },
        InputDataConfig: [
          {
            ChannelName: "train",
            DataSource: { S3DataSource: { S3DataType: "S3Prefix", S3Uri: "s3://data/train/" } },
          },
        ],
        OutputDataConfig: { S3OutputPath: "s3://data/out" },
        ResourceConfig: { InstanceType: "ml.m5.large", InstanceCount: 1, VolumeSizeInGB: 1 },
        StoppingCondition: { MaxRuntimeInSeconds: 600 },
      }),
    );
    for (;;) {
      const job = await sagemaker.send(new DescribeTrainingJobCommand({ TrainingJobName }));
      if (job.TrainingJobStatus === "InProgress") {
        await new Promise((resolve) => setTimeout(resolve, 50));
        continue;
      }
      const { events = [] } = await logs
        .send(
          new FilterLogEventsCommand({
            logGroupName: "/aws/sagemaker/TrainingJobs",
            logStreamNamePrefix: `${TrainingJobName}/`,
          }),
        )
        .catch(() => ({ events: [] })); // a job that never ran has no log
      return { job, lines: events.map(({ message }) => message ?? "") };
    }
  }

  test("train is appended, the image's settings hold, and the model comes back, by tag, by digest and in both spellings", async () => {
    const ecrHost = `${account}.dkr.ecr.us-east-1.amazonaws.com`;
    const names = [
      `${host}/${repository}:v1`,
      `${ecrHost}/${repository}:v1`,
      `${host}/${repository}@${digests["v1"] as string}`,
    ];
    for (const name of names) {
      const { job, lines } = await run(name);
      expect(job.FailureReason).toBeUndefined();
      expect(lines).toEqual(["verb ", "colour green of busybox in /work as 0 at /root"]);
      const key = new URL(job.ModelArtifacts?.S3ModelArtifacts ?? "").pathname.slice(1);
      const { Body } = await s3.send(new GetObjectCommand({ Bucket: "data", Key: key }));
      const model = (await Body?.transformToByteArray()) as Uint8Array;
      expect(execFileSync("tar", ["-xzOf", "-", "a.csv"], { input: model }).toString()).toBe("1,2\n");
    }
  });

  test("entry point and arguments go as SageMaker's table says", async () => {
    const image = `${host}/${repository}:entry`;
    expect((await run(image)).lines).toEqual(["entry train"]);
    expect((await run(image, { ContainerArguments: ["--a", "b c"] })).lines).toEqual(["entry --a b c"]);
    const own = { ContainerEntrypoint: ["/bin/echo", "mine"] };
    expect((await run(image, own)).lines).toEqual(["mine"]);
    expect((await run(image, { ...own, ContainerArguments: ["x"] })).lines).toEqual(["mine x"]);
    expect((await run(image, { ContainerEntrypoint: ["ls", "/usr/local/bin", "/usr/more"] })).lines).toEqual([
      "ls: /usr/more: No such file or directory",
      "/usr/local/bin:",
    ]);
  });

  test("the image's user and the code below its /opt/ml are there", async () => {
    const { job, lines } = await run(`${host}/${repository}:user`, {
      ContainerEntrypoint: ["/bin/sh", "-c", "id -u; echo $HOME; echo 1 > /opt/ml/model/x"],
    });
    expect(lines).toEqual(["1000", "/home/ml"]);
    expect(job.TrainingJobStatus).toBe("Completed");
    expect((await run(`${host}/${repository}:code`)).lines).toEqual(["hello from the image"]);
  });

  test.for<[string, () => string, RegExp]>([
    [
      "no such tag",
      () => `${host}/${repository}:none`,
      /repository team\/tool in the registry of account 000000000000 in us-east-1 has no image with the tag none/,
    ],
    ["no such repository", () => `${host}/team/none`, /there is no repository team\/none/],
    [
      "another account",
      () => `111122223333.dkr.ecr.us-east-1.amazonaws.com/${repository}:v1`,
      /belongs to the account 111122223333/,
    ],
    ["another architecture", () => `${host}/${repository}:other`, /is for linux\/riscv64, and this machine is linux\//],
    ["a user that is not there", () => `${host}/${repository}:nobody`, /no user missing in its \/etc\/passwd/],
    [
      "a hostile layer",
      () => `${host}/${repository}:broken`,
      /cannot be unpacked: it has a member outside of its tree/,
    ],
    ["no such program", () => `${host}/${repository}:v1`, /exit code/],
  ])("%s ends the job with the reason", async ([what, image, reason]) => {
    const { job } = await run(image(), what === "no such program" ? { ContainerEntrypoint: ["/nothing"] } : {});
    expect(job.TrainingJobStatus).toBe("Failed");
    expect(job.FailureReason).toMatch(reason);
  });

  test("a server that drops to another user trains, is deployed and answers: nginx, as the all-in-one images have it", async () => {
    const image = `${host}/${repository}:nginx`;
    await push("nginx", [gzipSync(tarOf(nginxMembers()))], { Env: ["PATH=/usr/local/bin:/usr/sbin:/usr/bin:/bin"] });
    const { job, lines } = await run(image);
    expect(job.FailureReason).toBeUndefined();
    expect(lines).toEqual(["worker of 33", "logged", "predicted"]);
    expect(await deployed("nginx", image, job, "1,2")).toBe("predicted by nginx from text/csv");
  }, 120_000);

  /** Deploys an image with the model that a job of it made, and asks it once. @returns The answer. */
  async function deployed(
    name: string,
    Image: string,
    job: DescribeTrainingJobCommandOutput,
    body: string,
  ): Promise<string> {
    const ExecutionRoleArn = `arn:aws:iam::${account}:role/SagebrushExecutionRole`;
    const PrimaryContainer = { Image, ModelDataUrl: job.ModelArtifacts?.S3ModelArtifacts };
    await sagemaker.send(new CreateModelCommand({ ModelName: name, ExecutionRoleArn, PrimaryContainer }));
    const one = { VariantName: "all", ModelName: name, InstanceType: "ml.m5.large", InitialInstanceCount: 1 } as const;
    await sagemaker.send(new CreateEndpointConfigCommand({ EndpointConfigName: name, ProductionVariants: [one] }));
    await sagemaker.send(new CreateEndpointCommand({ EndpointName: name, EndpointConfigName: name }));
    const patience = { client: sagemaker, maxWaitTime: 90, minDelay: 1, maxDelay: 1 };
    await waitUntilEndpointInService(patience, { EndpointName: name });
    const runtime = new SageMakerRuntimeClient(client);
    const answer = await runtime.send(
      new InvokeEndpointCommand({ EndpointName: name, Body: body, ContentType: "text/csv" }),
    );
    await sagemaker.send(new DeleteEndpointCommand({ EndpointName: name }));
    await waitUntilEndpointDeleted(patience, { EndpointName: name });
    return Buffer.from(answer.Body).toString();
  }

  test("an image of another registry is refused at once", async () => {
    await expect(run("docker.io/library/nginx:latest")).rejects.toThrow(/only images of this server's own registry/);
  });
});
