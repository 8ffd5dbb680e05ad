import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { PodmanService, podmanLimits } from "../engines/docker/testkit/podman-service.ts";
import { requirements, where } from "../engines/requirements.ts";
import { type TarMember, tarOf } from "../serving/testkit/tar-builder.ts";
import { allInOneLayer, hasAllInOneParts } from "./testkit/all-in-one-layer.ts";
import { ImageWorld } from "./testkit/image-world.ts";
import { canMakeToolkitLayer, trainingToolkitLayer } from "./testkit/training-toolkit-layer.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 300_000 });

/** What users' images hold: the script, and by the older way a module of their own framework. */
const code: readonly TarMember[] = [
  { path: "usr/bin/which", flag: "2", linkTo: "/bin/busybox" }, // the toolkit looks for launchers with it
  {
    path: "opt/ml/code/train.py",
    content: `import argparse, csv, json, os, sys
parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int)
parser.add_argument("--learning-rate", type=float)
parser.add_argument("--fail", default="")
args = parser.parse_args()
print("epochs", args.epochs, "rate", args.learning_rate, "on", os.environ["SM_CURRENT_HOST"], flush=True)
if args.fail == "with 7":
    print("no such colour: green", file=sys.stderr)
    sys.exit(7)
folder = os.environ["SM_CHANNEL_TRAIN"]
rows = [row for name in sorted(os.listdir(folder)) for row in csv.reader(open(os.path.join(folder, name)))]
with open(os.path.join(os.environ["SM_MODEL_DIR"], "model.json"), "w") as model:
    json.dump({"rows": len(rows), "hyperparameters": json.loads(os.environ["SM_HPS"])}, model)
`,
  },
  {
    path: "opt/framework/own_framework.py",
    content: `import json
from sagemaker_training import environment
def main():
    env = environment.Environment()
    print("the framework has", json.dumps(env.hyperparameters, sort_keys=True), flush=True)
    if env.hyperparameters.get("fail") == "raise":
        raise RuntimeError("the framework is broken")
    with open(env.model_dir + "/by-framework", "w") as model:
        model.write(env.channel_input_dirs["train"])
`,
  },
];

/** A model server that says what code of its model reaches; boto3 comes with the toolkit. */
const server: readonly TarMember[] = [
  {
    path: "usr/local/bin/serve",
    mode: 0o755,
    content: `#!/usr/bin/python3
import http.server, json, os, socket
import boto3, botocore.exceptions

def look(bucket):
    seen = {
        "interfaces": sorted(name for _, name in socket.if_nameindex()),
        "variables": sorted(name for name in os.environ if any(word in name for word in ("CREDENTIALS", "ENDPOINT", "TOKEN"))),
    }
    session = boto3.Session(region_name=os.environ["AWS_REGION"])
    try:
        seen["keys"] = [each["Key"] for each in session.client("s3").list_objects_v2(Bucket=bucket, Prefix="train/")["Contents"]]
        seen["caller"] = session.client("sts").get_caller_identity()["Arn"]
        seen["expires"] = session.get_credentials()._expiry_time.isoformat()
    except botocore.exceptions.NoCredentialsError as error:
        seen["error"] = str(error)
    return seen

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.answer(b"")

    def do_POST(self):
        self.answer(json.dumps(look(self.rfile.read(int(self.headers["content-length"])).decode())).encode())

    def answer(self, body):
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

http.server.ThreadingHTTPServer(("", 8080), Handler).serve_forever()
`,
  },
];

const parts = {
  name: "Python 3.11 of the distribution with its headers, python3-venv, a C compiler, python3-flask, gunicorn and nginx",
  met: requirements.pythonEnvironments.met && canMakeToolkitLayer() && hasAllInOneParts(),
};
const { bubblewrap, busybox, containers, nativeSupervisor, root, userNamespaces } = requirements;

where("the classic layout", [parts, busybox, containers, bubblewrap, userNamespaces, nativeSupervisor, root], () => {
  let directory: string;
  let podman: PodmanService;

  // One data directory for both engines: the image is pushed once.
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), "sagebrush-classic-"));
    podman = await PodmanService.open();
    const world = await ImageWorld.start(directory, { engine: "sandbox" });
    try {
      await world.fill();
      const layers = [trainingToolkitLayer(), tarOf(code)];
      const Env = ["PATH=/usr/local/bin:/usr/bin:/bin", "PYTHONUNBUFFERED=1", "PYTHONPATH=/opt/framework"];
      const config = { Entrypoint: ["train"], WorkingDir: "/" };
      await world.push("program", layers, { ...config, Env: [...Env, "SAGEMAKER_PROGRAM=train.py"] });
      const module = "SAGEMAKER_TRAINING_MODULE=own_framework:main";
      await world.push("module", layers, { ...config, Env: [...Env, module] });
      await world.push("server", [...layers, tarOf(server)], { Env, WorkingDir: "/" });
      const ofAllInOne = ["PATH=/opt/program:/usr/sbin:/usr/bin:/bin", "PYTHONUNBUFFERED=1"];
      await world.push("all-in-one", [allInOneLayer()], { Env: ofAllInOne, WorkingDir: "/opt/program" });
    } finally {
      await world.close();
    }
  });
  afterAll(async () => {
    await podman?.close();
    rmSync(directory, { recursive: true, force: true });
  });

  for (const engine of ["sandbox", "docker"] as const) {
    describe(engine === "docker" ? "on Podman" : "in the sandbox", () => {
      let world: ImageWorld;
      beforeAll(async () => {
        world = await ImageWorld.start(directory, {
          engine,
          ...(engine === "docker" && {
            "docker-host": `unix://${podman.socketPath}`,
            "docker-ulimit": podmanLimits.map(({ name, soft, hard }) => `${name}=${soft}:${hard}`),
          }),
        });
      });
      afterAll(() => world?.close());

      test("SAGEMAKER_PROGRAM runs by the image's train, with hyperparameters as arguments, and leaves a model", async () => {
        const { job, lines } = await world.train(engine, "program", { epochs: "3", "learning-rate": "0.25" });
        expect(job.FailureReason).toBeUndefined();
        expect(job.TrainingJobStatus).toBe("Completed");
        expect(lines).toContain("epochs 3 rate 0.25 on algo-1");
        expect(lines.join("\n")).toContain("Reporting training SUCCESS");
        expect(JSON.parse(await world.fromModel(job, "model.json"))).toEqual({
          rows: 2,
          hyperparameters: { epochs: 3, "learning-rate": 0.25 },
        });
      });

      test("a script that fails: its exit code in the toolkit's /opt/ml/output/failure, its last words in the log", async () => {
        const { job, lines } = await world.train(engine, "program", { fail: "with 7" });
        expect(job.TrainingJobStatus).toBe("Failed");
        expect(job.FailureReason).toMatch(
          /^AlgorithmError: ExecuteUserScriptError:\nExitCode 7\nErrorMessage ""\nCommand "\/usr\/bin\/python3 (?:-- )?train\.py --fail with 7", exit code: 1$/,
        );
        expect(lines).toContain("no such colour: green");
      });

      test("the older SAGEMAKER_TRAINING_MODULE calls a function of the image's own", async () => {
        const { job, lines } = await world.train(engine, "module", { epochs: "2" });
        expect(job.FailureReason).toBeUndefined();
        expect(lines).toContain('the framework has {"epochs": 2}');
        expect(await world.fromModel(job, "by-framework")).toBe("/opt/ml/input/data/train");
        const { job: failed } = await world.train(engine, "module", { fail: "raise" });
        expect(failed.FailureReason).toMatch(
          /^AlgorithmError: Framework Error: \n[^]*RuntimeError: the framework is broken[^]*, exit code: 1$/,
        );
      });

      test("an image with train, serve, Flask, gunicorn and nginx trains, is deployed and answers", async () => {
        const { job, lines } = await world.train(engine, "all-in-one", {});
        expect(job.FailureReason).toBeUndefined();
        expect(lines).toEqual(["trained on 2 row"]);
        const { S3ModelArtifacts = "" } = job.ModelArtifacts ?? {};
        expect(
          await world.ask(`${engine}-all-in-one`, "all-in-one", "4,8", { ModelDataUrl: S3ModelArtifacts }),
        ).toEqual([2, 5]);
      });

      test("boto3 in a model's container lists its bucket as the model's role, with credentials that end", async () => {
        const before = new Date().toISOString();
        const seen = await world.ask(`${engine}-calls`, "server", "data");
        expect(seen).toMatchObject({
          interfaces: ["eth0", "lo"],
          keys: ["train/a.csv"],
          caller: "arn:aws:sts::000000000000:assumed-role/SagebrushExecutionRole/SageMaker",
        });
        expect((seen as { expires: string }).expires > before).toBe(true);
        expect(seen).toHaveProperty("variables", [
          "AWS_CONTAINER_AUTHORIZATION_TOKEN",
          "AWS_CONTAINER_CREDENTIALS_FULL_URI",
          "AWS_ENDPOINT_URL",
          "S3_ENDPOINT_URL",
        ]);
      });

      test("one of an isolated model has neither addresses nor credentials", async () => {
        const seen = await world.ask(`${engine}-cut-off`, "server", "data", { EnableNetworkIsolation: true });
        expect(seen).toEqual({
          interfaces: ["eth0", "lo"],
          variables: [],
          error: expect.stringMatching(/credentials/),
        });
      });
    });
  }
});
