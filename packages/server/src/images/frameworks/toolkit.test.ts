import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { requirements, where } from "../../engines/requirements.ts";
import { tarGzOf } from "../../serving/testkit/tar-builder.ts";
import { type Job, layOut, program, removeLayouts, variables } from "../testkit/opt-ml.ts";

vi.setConfig({ testTimeout: 120_000 });

afterEach(removeLayouts);

function train(job: Job) {
  const ml = layOut(job);
  const { status, stdout, stderr } = spawnSync("python3", ["-B", program, "train"], {
    env: variables(ml, job.environment),
    encoding: "utf8",
  });
  const failure = existsSync(join(ml, "output/failure")) ? readFileSync(join(ml, "output/failure"), "utf8") : undefined;
  return { ml, status, stdout, stderr, failure };
}

const script = { sagemaker_program: '"train.py"', sagemaker_submit_directory: '"/opt/ml/input/data/code"' };
const show = `import json, os, sys
print("ARGS", json.dumps(sys.argv[1:]))
print("CWD", os.path.basename(os.getcwd()))
print("ENV", json.dumps({k: v for k, v in os.environ.items() if k.startswith("SM_")}))
`;

function shown(stdout: string, label: string): unknown {
  return JSON.parse(new RegExp(`^${label} (.*)$`, "m").exec(stdout)?.[1] ?? "null");
}

where("the training toolkit", [requirements.pythonEnvironments], () => {
  test("a script gets hyperparameters as arguments and everything in SM_ variables", () => {
    const { ml, stdout, status, failure } = train({
      hyperparameters: {
        ...script,
        sagemaker_container_log_level: "20",
        sagemaker_job_name: '"job"',
        sagemaker_region: '"eu-west-1"',
        sagemaker_instance_type: '"ml.m5.large"',
        epochs: "10",
        lr: "0.5",
        name: '"a b; $(c)"',
        plain: "text",
        flag: "true",
        nothing: "null",
        list: "[1, 2]",
        map: '{"b": 2, "a": 1}',
        "batch-size": "32",
        k: "7",
      },
      files: { "input/data/code/train.py": show, "input/data/train/a.csv": "1" },
    });
    expect({ status, failure }).toEqual({ status: 0, failure: undefined });
    expect(shown(stdout, "ARGS")).toEqual(
      "--batch-size 32 --epochs 10 --flag True -k 7 --list"
        .split(" ")
        .concat([
          "[1, 2]",
          "--lr",
          "0.5",
          "--map",
          "a=1,b=2",
          "--name",
          "a b; $(c)",
          "--nothing",
          "",
          "--plain",
          "text",
        ]),
    );
    expect(stdout).toContain("CWD code");
    const seen = shown(stdout, "ENV") as Record<string, string>;
    expect(seen).toMatchObject({
      SM_MODEL_DIR: `${ml}/model`,
      SM_OUTPUT_DATA_DIR: `${ml}/output/data`,
      SM_CHANNELS: '["my-test","train"]',
      SM_CHANNEL_TRAIN: `${ml}/input/data/train`,
      "SM_CHANNEL_MY-TEST": `${ml}/input/data/my-test`,
      SM_HP_EPOCHS: "10",
      "SM_HP_BATCH-SIZE": "32",
      SM_HP_FLAG: "true",
      SM_HP_NOTHING: "",
      SM_HPS: expect.stringMatching(/^\{"batch-size":32,"epochs":10,"flag":true,"k":7,/),
      SM_USER_ENTRY_POINT: "train.py",
      SM_MODULE_NAME: "train",
      SM_MODULE_DIR: "/opt/ml/input/data/code",
      SM_HOSTS: '["algo-1"]',
      SM_CURRENT_HOST: "algo-1",
      SM_CURRENT_INSTANCE_TYPE: "ml.m5.large",
      SM_CURRENT_INSTANCE_GROUP: "homogeneousCluster",
      SM_NETWORK_INTERFACE_NAME: "eth0",
      SM_NUM_CPUS: "3",
      SM_NUM_GPUS: expect.stringMatching(/^\d+$/),
      SM_LOG_LEVEL: "20",
      SM_FRAMEWORK_PARAMS: '{"sagemaker_instance_type":"ml.m5.large"}',
      SM_IS_HETERO: "false",
    });
    expect(JSON.parse(seen["SM_TRAINING_ENV"] as string)).toMatchObject({
      job_name: "job",
      is_master: true,
      hyperparameters: { epochs: 10 },
      channel_input_dirs: { train: `${ml}/input/data/train` },
    });
    expect(existsSync(join(ml, "output/success"))).toBe(true);
  });

  test("a failing script: its exit code, its traceback and its command", () => {
    const { status, failure } = train({
      hyperparameters: { ...script, epochs: "1" },
      files: { "input/data/code/train.py": "print('x')\ndef f():\n    raise ValueError('bad learning rate')\nf()\n" },
    });
    expect(status).toBe(1);
    expect(failure).toMatch(
      /^ExecuteUserScriptError:\nExitCode 1\nErrorMessage "Traceback .*\n[^]*ValueError: bad learning rate"\nCommand "\S*python\S* train\.py --epochs 1"$/,
    );
  });

  test.for<[string, string, number, RegExp]>([
    ["an exit code of its own", "import sys; sys.exit(42)", 42, /ExitCode 42/],
    ["a signal", "import os; os.kill(os.getpid(), 9)", 137, /ExitCode 137\nErrorMessage "OutOfMemory/],
    [
      "its own failure file",
      "open(__import__('os').environ['SM_OUTPUT_DIR'] + '/failure', 'w').write('mine'); 1/0",
      1,
      /^mine$/,
    ],
    ["a long traceback", "raise ValueError('x' * 5000 + ' the end')", 1, /"\.\.\.x+ the end"\nCommand/],
  ])("%s is kept", ([, code, exitCode, reason]) => {
    const { status, failure } = train({ hyperparameters: script, files: { "input/data/code/train.py": code } });
    expect(status).toBe(exitCode);
    expect(failure).toMatch(reason);
    expect(failure?.length).toBeLessThan(1024);
  });

  // Its own traceback comes last and says nothing but that a worker has failed.
  const torchrun = `Traceback (most recent call last):
  File "run.py", line 246, in launch_agent
torch.distributed.elastic.multiprocessing.errors.ChildFailedError:
============
Root Cause (first observed failure):
[0]:
  exitcode  : -9 (pid: 9)
  traceback : Signal 9 (SIGKILL) received by PID 9
============
`;
  const worker = "Traceback (most recent call last):\n  File 'train.py', line 3\nValueError: diverged\n";
  test.for<[string, string, RegExp]>([
    ["of PyTorch 1", `${worker}ERROR:torch.distributed.elastic:failed\n`, /^Traceback.*\n.*\nValueError: diverged$/],
    ["of PyTorch 2", `${worker}E1130 19:04:11.1 12 api.py:874] failed\n`, /^Traceback.*\n.*\nValueError: diverged$/],
    ["whose worker was killed", "", /^Root Cause[^]*Signal 9 \(SIGKILL\) received by PID 9/],
  ])("torchrun %s: the worker's own words count", ([, said, wanted]) => {
    const code = `import sys; sys.stderr.write(${JSON.stringify(said + torchrun)}); sys.exit(1)`;
    const { failure } = train({ hyperparameters: script, files: { "input/data/code/train.py": code } });
    expect(/ErrorMessage "([^]*)"\nCommand/.exec(failure ?? "")?.[1]).toMatch(wanted);
  });

  test("what mpirun adds to a traceback does not push it out", () => {
    const report = `${"-".repeat(74)}\nMPI_ABORT was invoked on rank 0\n${"and more of it. ".repeat(60)}\n${"-".repeat(74)}\n`;
    const code = `import sys; sys.stderr.write(${JSON.stringify(worker + report)}); sys.exit(1)`;
    const { failure } = train({ hyperparameters: script, files: { "input/data/code/train.py": code } });
    expect(failure).toMatch(/ErrorMessage "Traceback.*\n.*\nValueError: diverged"\nCommand/);
  });

  test("an entry point that is not there says what is", () => {
    const { status, failure } = train({ hyperparameters: script, files: { "input/data/code/trian.py": "" } });
    expect(status).toBe(1);
    expect(failure).toBe(
      "ClientError: the entry point train.py does not exist in /opt/ml/input/data/code, which has: trian.py.",
    );
  });

  test("a job without an entry point says how to give one", () => {
    expect(train({}).failure).toMatch(/^ClientError: this job names no entry point: set entry_point/);
  });

  test("a shell script gets its arguments as they are", () => {
    const files = { "input/data/code/run.sh": '#!/bin/sh\nprintf "%s|" "$@"; exit 3\n' };
    const { status, stdout } = train({
      hyperparameters: { ...script, sagemaker_program: "run.sh", text: "a b;$(c)" },
      files,
    });
    expect(status).toBe(3);
    expect(stdout).toContain("--text|a b;$(c)|");
  });

  test("SAGEMAKER_PROGRAM with the code in /opt/ml/code, and the older SAGEMAKER_TRAINING_MODULE", () => {
    const one = train({
      environment: { SAGEMAKER_PROGRAM: "train.py" },
      files: { "code/train.py": "print('by program')" },
    });
    expect(one).toMatchObject({ status: 0, stdout: expect.stringContaining("by program") });
    const other = train({
      environment: { SAGEMAKER_TRAINING_MODULE: "mine.training:start" },
      files: { "code/mine/__init__.py": "", "code/mine/training.py": "def start():\n    print('by module')\n" },
    });
    expect(other).toMatchObject({ status: 0, stdout: expect.stringContaining("by module") });
  });

  test("requirements.txt is installed beside the image's packages, and one that cannot be met says why", () => {
    const wheel = join(layOut({}), "tiny-1.0-py3-none-any.whl");
    makeWheel(wheel);
    const files = {
      "input/data/code/requirements.txt": `${wheel}\n`,
      "input/data/code/train.py": "import tiny, pip; print('tiny is', tiny.ANSWER)",
    };
    expect(train({ hyperparameters: script, files })).toMatchObject({
      status: 0,
      stdout: expect.stringContaining("tiny is 42"),
    });
    const impossible = { ...files, "input/data/code/requirements.txt": "--no-index\nno-such-package==1.0\n" };
    const { status, failure } = train({ hyperparameters: script, files: impossible });
    expect(status).toBe(1);
    expect(failure).toMatch(
      /^InstallRequirementsError:\nExitCode 1\nErrorMessage "[^]*no-such-package==1\.0[^]*-r requirements\.txt"$/,
    );
  });

  // setup.py, which needs setuptools and wheel in the environment, is tried by the SDK's suite.
  test("code with a pyproject.toml is installed by its own build backend, and its entry point is a module of it", () => {
    const backend = `import zipfile
def build_wheel(folder, settings=None, metadata=None):
    name = "own-1.0-py3-none-any.whl"
    with zipfile.ZipFile(f"{folder}/{name}", "w") as wheel:
        for path in ("own/__init__.py", "own/jobs/__init__.py", "own/jobs/train.py"):
            wheel.write(path)
        about = "own-1.0.dist-info/"
        wheel.writestr(about + "METADATA", "Metadata-Version: 2.1\\nName: own\\nVersion: 1.0\\n")
        wheel.writestr(about + "WHEEL", "Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr(about + "RECORD", "")
    return name
`;
    const { status, stdout, failure } = train({
      hyperparameters: { ...script, sagemaker_program: '"own/jobs/train.py"', epochs: "2" },
      environment: { PIP_NO_INDEX: "1" },
      files: {
        "input/data/code/pyproject.toml":
          '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n',
        "input/data/code/backend.py": backend,
        "input/data/code/own/__init__.py": "WORD = 'installed'\n",
        "input/data/code/own/jobs/__init__.py": "",
        "input/data/code/own/jobs/train.py": `import importlib.metadata, sys
from .. import WORD
print(__package__, WORD, importlib.metadata.version("own"), sys.argv[1:])`,
      },
    });
    expect({ status, failure }).toEqual({ status: 0, failure: undefined });
    expect(stdout).toContain("own.jobs installed 1.0 ['--epochs', '2']");
  });

  test("a pyproject.toml of tools alone makes no package", () => {
    const files = {
      "input/data/code/pyproject.toml": "[tool.black]\nline-length = 100\n",
      "input/data/code/train.py": "print('as', __name__, __package__)",
    };
    expect(train({ hyperparameters: script, files }).stdout).toContain("as __main__ None");
  });

  test("code from an archive that the platform staged, and none that leaves its folder", () => {
    const submitted = { ...script, sagemaker_submit_directory: '"s3://bucket/job/source/sourcedir.tar.gz"' };
    const stage = (entries: Parameters<typeof tarGzOf>[0]) => {
      const ml = layOut({ hyperparameters: submitted });
      mkdirSync(join(ml, "sagebrush/code"), { recursive: true });
      writeFileSync(join(ml, "sagebrush/code/sourcedir.tar.gz"), tarGzOf(entries));
      const result = spawnSync("python3", ["-B", program, "train"], { env: variables(ml), encoding: "utf8" });
      return { ml, ...result };
    };
    const train = { path: "train.py", content: "from lib.part import word; print(word)" };
    expect(stage([train, { path: "lib/part.py", content: "word = 'unpacked'" }]).stdout).toContain("unpacked");
    const { ml, stderr, status } = stage([train, { path: "../../escaped", content: "x" }]);
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: expect.stringMatching(/would write outside of its folder/),
    });
    expect(existsSync(join(ml, "..", "escaped"))).toBe(false);
  });

  test("without staged code and without S3 the reason is told", () => {
    const { failure } = train({
      hyperparameters: { ...script, sagemaker_submit_directory: '"s3://bucket/sourcedir.tar.gz"' },
    });
    expect(failure).toMatch(
      /^ClientError: s3:\/\/bucket\/sourcedir\.tar\.gz cannot be fetched: this run has no way to S3/,
    );
  });

  test("a stop reaches the script, whose exit code counts", async () => {
    const ml = layOut({
      hyperparameters: script,
      files: {
        "input/data/code/train.py":
          "import signal, sys, time\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit(5))\nprint('up', flush=True)\ntime.sleep(600)\n",
      },
    });
    const child = spawn("python3", ["-B", program, "train"], {
      env: variables(ml),
      stdio: ["ignore", "pipe", "ignore"],
    });
    const exit = once(child, "exit");
    let said = "";
    for await (const chunk of child.stdout) {
      said += String(chunk);
      if (/^up$/m.test(said)) break;
    }
    child.kill("SIGTERM");
    expect((await exit)[0]).toBe(5);
  });
});

/** A wheel is a zip file of a package and what describes it. */
function makeWheel(path: string): void {
  const code = `import zipfile, sys
with zipfile.ZipFile(sys.argv[1], "w") as z:
    z.writestr("tiny.py", "ANSWER = 42\\n")
    z.writestr("tiny-1.0.dist-info/METADATA", "Metadata-Version: 2.1\\nName: tiny\\nVersion: 1.0\\n")
    z.writestr("tiny-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
    z.writestr("tiny-1.0.dist-info/RECORD", "")`;
  execFileSync("python3", ["-c", code, path]);
}
