import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, expect, test, vi } from "vitest";
import { requirements, where } from "../../engines/requirements.ts";
import { type Job, layOut, program, removeLayouts, variables } from "../testkit/opt-ml.ts";

vi.setConfig({ testTimeout: 120_000 });

afterEach(removeLayouts);

const script = {
  sagemaker_program: '"train.py"',
  sagemaker_submit_directory: '"/opt/ml/input/data/code"',
  epochs: "1",
};
const twoHosts = { current_host: "algo-2", hosts: ["algo-1", "algo-2"] };

/** What the launcher makes of a job: the words that it starts, its variables and what it says, or why it refuses. */
interface Launch {
  readonly words?: string;
  readonly more?: Readonly<Record<string, string>>;
  readonly refusal?: string;
  readonly said: string;
}

/** @param modules - Packages that the image has, all empty. */
function launched({ modules = ["torch", "tensorflow"], ...job }: Job & { modules?: string[] }): Launch {
  const code = `import json, sys
sys.path.insert(0, ${JSON.stringify(dirname(program))})
from sagebrush_container import launchers
from sagebrush_container.failures import ToolkitError
from sagebrush_container.settings import Settings
try:
    words, more = launchers.command_for(Settings(), sys.argv[1], "/code")
    print(json.dumps({"words": " ".join(words).replace(sys.argv[1], "python3"), "more": more}))
except ToolkitError as error:
    print(json.dumps({"refusal": error.text}))`;
  const files = Object.fromEntries(modules.map((name) => [`modules/${name}.py`, ""]));
  // Whatever this machine has installed, the image has these.
  const ml = layOut({ ...job, files: { ...files, python: '#!/bin/sh\nexec python3 -S "$@"\n' } });
  const python = join(ml, "python");
  chmodSync(python, 0o755);
  const { stdout, stderr } = spawnSync(python, ["-c", code, python], {
    env: variables(ml, { PYTHONPATH: join(ml, "modules"), ...job.environment }),
    encoding: "utf8",
  });
  const lines = stdout.trim().split("\n");
  if (!stdout.trim()) throw new Error(stderr);
  return { ...(JSON.parse(lines.at(-1) as string) as Omit<Launch, "said">), said: lines.slice(0, -1).join("\n") };
}

const enabled = (name: string, more: Readonly<Record<string, string>> = {}) => ({
  hyperparameters: { ...script, [`sagemaker_${name}_enabled`]: "true", ...more },
});

where("launchers between hosts", [requirements.pythonEnvironments], () => {
  const torchrun =
    /^python3 -m torch\.distributed\.run --nnodes 2 --nproc_per_node \d+ (?:--redirects 9:1 --tee 9:1 )?--monitor_interval 0\.1 --master_addr algo-1 --master_port 7777 --node_rank 1 train\.py --epochs 1$/;

  test("torchrun's words for two hosts", () => {
    expect(launched({ ...enabled("torch_distributed"), resources: twoHosts }).words).toMatch(torchrun);
  });

  // What the SDK makes of distribution={"smdistributed": {"dataparallel": ...}} and {"pytorchddp": ...}.
  test.for(["distributed_dataparallel", "pytorch_ddp"])("%s means torchrun, and the log says so", (name) => {
    const job = enabled(name, { sagemaker_instance_type: '"ml.p4d.24xlarge"' });
    const { words, said } = launched({ ...job, resources: twoHosts });
    expect(said).toMatch(new RegExp(`sagemaker_${name}_enabled: smdistributed is Amazon's own; torchrun .* smddp is`));
    expect(words).toMatch(torchrun);
    const off = { ...job.hyperparameters, [`sagemaker_${name}_enabled`]: "false" };
    expect(launched({ hyperparameters: off })).toMatchObject({ words: "python3 train.py --epochs 1", said: "" });
  });

  test("a model that smdistributed would split: the log says what is nearest", () => {
    const job = enabled("torch_distributed", { mp_parameters: '{"pipeline_parallel_degree": 2}' });
    expect(launched({ ...job, resources: twoHosts }).said).toContain("torch.distributed.fsdp");
  });

  const hosts = ["algo-1", "algo-2", "algo-3"];
  const cluster = {
    master: ["algo-1:2222"],
    ps: ["algo-1:2223", "algo-2:2223", "algo-3:2223"],
    worker: ["algo-2:2222", "algo-3:2222"],
  };
  const mirrored = { worker: ["algo-1:8890", "algo-2:8890", "algo-3:8890"] };

  test.for<[string, string, object, string, number]>([
    ["a parameter server's master", "parameter_server", cluster, "master", 0],
    ["the second of its workers", "parameter_server", cluster, "worker", 1],
    ["the first of mirrored workers", "multi_worker_mirrored_strategy", mirrored, "worker", 0],
    ["the last of mirrored workers", "multi_worker_mirrored_strategy", mirrored, "worker", 2],
  ])("TF_CONFIG of %s", ([, name, shown, type, index]) => {
    const current_host = type === "master" || index === 0 ? "algo-1" : "algo-3";
    const { words, more } = launched({ ...enabled(name), resources: { current_host, hosts } });
    expect(JSON.parse(more?.["TF_CONFIG"] ?? "{}")).toEqual({
      ...{ cluster: shown, environment: "cloud", task: { type, index } },
    });
    const helper = `\\S+ -B \\S+parameter_servers\\.py ${current_host} algo-1 algo-2 algo-3 -- `;
    expect(words).toMatch(new RegExp(`^${name === "parameter_server" ? helper : ""}python3 train\\.py --epochs 1$`));
  });

  test("one host alone needs no parameter server", () => {
    expect(launched(enabled("parameter_server"))).toEqual({ words: "python3 train.py --epochs 1", more: {}, said: "" });
  });

  test.for<[string, string, string[], RegExp]>([
    ["torchrun", "torch_distributed", [], /^ClientError: sagemaker_torch_distributed_enabled needs PyTorch, which/],
    ["parameter servers", "parameter_server", ["torch"], /sagemaker_parameter_server_enabled needs TensorFlow/],
    ["mirrored workers", "multi_worker_mirrored_strategy", [], /_strategy_enabled needs TensorFlow, which this image/],
    ["smdistributed", "distributed_dataparallel", [], /^ClientError: sagemaker_distributed_data\w+ needs PyTorch/],
    [
      "smdistributed of TensorFlow",
      "distributed_dataparallel",
      ["tensorflow"],
      /^ClientError: sagemaker_distributed_dataparallel_enabled: .* distribution=\{"multi_worker_mirrored_strategy"/,
    ],
  ])("%s without its package: refused by name", ([, name, modules, refusal]) => {
    expect(launched({ ...enabled(name), modules, resources: twoHosts }).refusal).toMatch(refusal);
  });

  test("a launcher joins the hosts of its group, and the others run the script as it is", () => {
    const groups = [
      { instance_group_name: "data", instance_type: "ml.m5.large", hosts: ["algo-1"] },
      { instance_group_name: "train", instance_type: "ml.g5.xlarge", hosts: ["algo-2", "algo-3"] },
    ];
    const job = enabled("torch_distributed", { sagemaker_distribution_instance_groups: '["train"]' });
    const on = (current_host: string, current_group_name: string) =>
      launched({ ...job, resources: { current_host, current_group_name, hosts, instance_groups: groups } }).words;
    expect(on("algo-1", "data")).toBe("python3 train.py --epochs 1");
    expect(on("algo-3", "train")).toMatch(/--nnodes 2 .* --master_addr algo-2 --master_port 7777 --node_rank 1 /);
  });

  test("variables of a group's launcher, and where PyTorch's processes meet without one", () => {
    const groups = [
      { instance_group_name: "data", instance_type: "ml.m5.large", hosts: ["algo-1"] },
      { instance_group_name: "train", instance_type: "ml.g5.xlarge", hosts: ["algo-2", "algo-3"] },
    ];
    const code = `import json, sys
sys.path.insert(0, ${JSON.stringify(dirname(program))})
from sagebrush_container.settings import Settings
from sagebrush_container.variables import script_variables
print(json.dumps(script_variables(Settings())))`;
    const seen = (hyperparameters: Record<string, string>) => {
      const resources = { current_host: "algo-2", current_group_name: "train", hosts, instance_groups: groups };
      const ml = layOut({ hyperparameters, resources });
      const env = variables(ml, { SAGEBRUSH_FRAMEWORK: "PyTorch" });
      return JSON.parse(execFileSync("python3", ["-c", code], { env, encoding: "utf8" })) as Record<string, string>;
    };
    const launcher = seen(enabled("mpi", { sagemaker_distribution_instance_groups: '["train"]' }).hyperparameters);
    expect(launcher).toMatchObject({
      SM_DISTRIBUTION_INSTANCE_GROUPS: '["train"]',
      MASTER_ADDR: "algo-2",
      MASTER_PORT: "7777",
      NCCL_SOCKET_IFNAME: "eth0",
    });
    expect(JSON.parse(launcher["SM_TRAINING_ENV"] as string)).toMatchObject({
      distribution_hosts: ["algo-2", "algo-3"],
      is_master: true,
      master_hostname: "algo-2",
    });
    expect(seen(script)).toMatchObject({ SM_DISTRIBUTION_INSTANCE_GROUPS: "[]", MASTER_ADDR: "algo-1" });
  });
});

where("a host with a parameter server", [requirements.pythonEnvironments], () => {
  /** A TensorFlow whose server leaves its process id, and ends by itself where a file tells it to. */
  const tensorflow = `import os, time, types
def serve(cluster, job_name, task_index, config):
    def join():
        with open(f"server-{task_index}.pid", "w") as file: file.write(str(os.getpid()))
        while not os.path.exists(f"end-{task_index}"): time.sleep(0.05)
        raise SystemExit(7)
    return types.SimpleNamespace(join=join)
distribute = types.SimpleNamespace(Server=serve)
train = types.SimpleNamespace(ClusterSpec=lambda cluster: cluster)
compat = types.SimpleNamespace(v1=types.SimpleNamespace(ConfigProto=lambda device_count: None))
`;
  const helper = join(dirname(program), "sagebrush_container", "parameter_servers.py");
  const names = ["127.83.0.1", "127.83.0.2"];
  const wait = "import os, sys, time\ndef wait(name):\n    while not os.path.exists(name): time.sleep(0.05)\n";

  function start(folder: string, name: string, code: string) {
    const child = spawn("python3", ["-B", helper, name, ...names, "--", "python3", "-c", wait + code], {
      cwd: folder,
      env: { PATH: process.env["PATH"], PYTHONPATH: folder, TF_CONFIG: '{"cluster": {}}' },
      stdio: ["ignore", "ignore", "pipe"],
    });
    return { child, ended: Promise.all([once(child, "exit"), text(child.stderr)]) };
  }
  const isAlive = (folder: string, index: number) =>
    spawnSync("kill", ["-0", readFileSync(join(folder, `server-${index}.pid`), "utf8")]).status === 0;

  test("serves until the script of every host has ended", async () => {
    const folder = layOut({ files: { "tensorflow.py": tensorflow } });
    const quick = start(folder, names[0] as string, "wait('server-0.pid'); open('done', 'w')");
    const slow = `wait('done'); time.sleep(0.5); os.kill(int(open('server-0.pid').read()), 0)`;
    const [[first], [second]] = await Promise.all([
      quick.ended,
      start(folder, names[1] as string, `wait('server-1.pid'); ${slow}`).ended,
    ]);
    expect([first, second]).toEqual([
      [0, null],
      [0, null],
    ]);
    expect([isAlive(folder, 0), isAlive(folder, 1)]).toEqual([false, false]);
  });

  test("a server that dies takes its script with it, and a stop ends both", async () => {
    const folder = layOut({ files: { "tensorflow.py": tensorflow } });
    const one = start(folder, names[0] as string, "wait('server-0.pid'); open('end-0', 'w'); time.sleep(600)");
    const other = start(folder, names[1] as string, "wait('server-1.pid'); open('up', 'w'); time.sleep(600)");
    const [exit, said] = await one.ended;
    expect(exit).toEqual([1, null]);
    expect(said).toContain(`The parameter server of ${names[0]} has ended with exit code 7.`);
    await expect.poll(() => spawnSync("test", ["-e", join(folder, "up")]).status).toBe(0);
    other.child.kill("SIGTERM");
    expect((await other.ended)[0]).toEqual([143, null]);
    expect(isAlive(folder, 1)).toBe(false);
  });
});
