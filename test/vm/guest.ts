import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import type { DescribeTrainingJobResponse } from "@aws-sdk/client-sagemaker";
import { Platform, root, sameStart, starts, until } from "./platform.ts";

/**
 * What `npm run test:vm` runs inside the machine, as root, started by systemd: Sagebrush as a systemd service, with
 * control groups of version 2. Prints a line for each claim, `PASS` or `FAIL`, for the host to count.
 */
const groups = "/sys/fs/cgroup";
const unit = "/etc/systemd/system/sagebrush.service";
/** Memory of the jobs' instance type. */
const instanceMemory = 4 * 2 ** 30;

/** What may be asked for alone: `npm run test:vm -- suites`. */
const parts = { root: asRoot, user: asUser, suites };

/** How long the last start of the service took. */
let startSeconds = 0;
let failures = 0;
process.exitCode = await main();

async function main(): Promise<number> {
  try {
    claim("systemd is process 1", readFileSync("/proc/1/comm", "utf8").trim() === "systemd");
    const controllers = readFileSync(`${groups}/cgroup.controllers`, "utf8");
    claim("control groups of version 2 have memory and cpu", /\bcpu\b.*\bmemory\b/.test(controllers), controllers);
    const wanted = process.argv.slice(2);
    for (const [name, part] of Object.entries(parts)) if (wanted.length === 0 || wanted.includes(name)) await part();
  } catch (error) {
    claim("the checks ran to their end", false, String(error instanceof Error ? error.stack : error));
    say(command("journalctl", "--no-pager", "--lines=80", "--unit=sagebrush"));
  }
  say(failures === 0 ? "END all passed" : `END ${failures} failed`);
  return failures === 0 ? 0 : 1;
}

/** The unit as the guide recommends it. */
async function asRoot(): Promise<void> {
  copyFileSync(`${root}/examples/systemd/sagebrush.service`, unit);
  let platform = await startUnit("/var/lib/sagebrush");
  const epochs = await outlasting(platform);

  const steady = await platform.train("steady", epochs);
  const group = onlyRun();
  const supervisor = supervisors();
  claim("memory.max is the instance type's memory", read(`${group}/memory.max`) === String(instanceMemory));
  claim("memory.swap.max is 0", !existsSync(`${group}/memory.swap.max`) || read(`${group}/memory.swap.max`) === "0");
  claim("cpu.max is the instance type's cores", read(`${group}/cpu.max`) === "200000 100000", read(`${group}/cpu.max`));
  claim("cpu.weight is 100 for each core", read(`${group}/cpu.weight`) === "200", read(`${group}/cpu.weight`));
  claim(
    "the supervisor is in no group of the unit",
    !read(`${groups}/system.slice/sagebrush.service/cgroup.procs`).split("\n").includes(supervisor),
  );

  command("systemctl", "daemon-reload");
  claim("a reload of systemd leaves the limits", read(`${group}/memory.max`) === String(instanceMemory));
  await survives("a restart of the unit", platform, "steady", steady);
  // From here on the job is held, so that it is sure to outlast what follows however slow this machine is.
  writeFileSync(`${group}/cgroup.freeze`, "1");
  const killed = mainPid();
  command("systemctl", "kill", "--signal=SIGKILL", "sagebrush");
  await until("systemd has started another server", () => !["0", killed].includes(mainPid()));
  platform = await startUnit("/var/lib/sagebrush");
  claim("the server's kill leaves the same run", supervisors() === supervisor && onlyRun() === group);
  mkdirSync(`${unit}.d`, { recursive: true });
  writeFileSync(`${unit}.d/kill.conf`, "[Service]\nKillMode=control-group\n");
  command("systemctl", "daemon-reload");
  await survives("a restart of the unit with KillMode=control-group", platform, "steady", steady);
  writeFileSync(`${group}/cgroup.freeze`, "0");

  const done = await platform.ended("steady");
  claim("the job completed", done.TrainingJobStatus === "Completed", done.FailureReason);
  claim(
    "it was never started again",
    starts(done) === 1 && sameStart(done, steady),
    JSON.stringify(done.SecondaryStatusTransitions),
  );
  claim("its group is gone", !existsSync(group));

  await platform.train("starved", 1_000_000);
  writeFileSync(`${onlyRun()}/memory.max`, String(8 * 2 ** 20));
  const starved = await platform.ended("starved");
  claim(
    "a job over its memory.max ends Failed and says that memory ran out",
    starved.TrainingJobStatus === "Failed" && /instance type with more memory/.test(starved.FailureReason ?? ""),
    `${starved.TrainingJobStatus}: ${starved.FailureReason}`,
  );
  command("systemctl", "stop", "sagebrush");
}

/** The same unit without privileges: no limits, and a supervisor that stays in the unit's group. */
async function asUser(): Promise<void> {
  copyFileSync(`${root}/examples/systemd/sagebrush.service`, unit);
  mkdirSync(`${unit}.d`, { recursive: true });
  command("useradd", "--system", "--create-home", "--home-dir", "/var/lib/sagebrush-user", "sagebrush");
  writeFileSync(
    `${unit}.d/kill.conf`,
    `[Service]\nUser=sagebrush\nExecStart=\nExecStart=${process.execPath} ${root}/bin/sagebrush up --data-dir /var/lib/sagebrush-user/data\n`,
  );
  const platform = await startUnit("/var/lib/sagebrush-user/data");
  const epochs = await outlasting(platform);
  const job = await platform.train("unprivileged", epochs);
  await survives("a restart of the unit with User=", platform, "unprivileged", job);
  const done = await platform.ended("unprivileged");
  claim(
    "the job of User= completed in its first run",
    done.TrainingJobStatus === "Completed" && starts(done) === 1,
    done.FailureReason,
  );
  command("systemctl", "stop", "sagebrush");
}

/** The engine's own tests, on this kernel: kills for memory, limits, survival. */
function suites(): void {
  for (const file of ["engines/sandbox/limits.test.ts", "engines/supervised/survival.test.ts"]) {
    const result = spawnSync(
      process.execPath,
      ["node_modules/vitest/vitest.mjs", "run", "--project", "server", "--testTimeout=300000", file],
      { cwd: root, encoding: "utf8", env: { ...process.env, SAGEBRUSH_FORBID_SKIPS: "1", NO_COLOR: "1" } },
    );
    const output = `${result.stdout}${result.stderr}`;
    claim(`${file} passes here`, result.status === 0, output.slice(-4000));
    if (result.status === 0) say(/^\s*Tests .*$/m.exec(output)?.[0] ?? "");
  }
}

async function survives(
  what: string,
  platform: Platform,
  name: string,
  job: DescribeTrainingJobResponse,
): Promise<void> {
  const before = { supervisor: runSupervisors(), status: (await platform.describe(name)).TrainingJobStatus };
  const server = mainPid();
  command("systemctl", "restart", "sagebrush");
  await platform.answers();
  const after = await platform.describe(name);
  claim(`${what} replaces the server while the job runs`, server !== mainPid() && before.status === "InProgress");
  claim(
    `${what} leaves the job in the same run`,
    before.supervisor !== "" && runSupervisors() === before.supervisor && sameStart(after, job),
    `${before.supervisor} / ${runSupervisors()} / ${after.SecondaryStatus}`,
  );
}

/** @returns For how many epochs a job outlasts a restart of the unit here. */
async function outlasting(platform: Platform): Promise<number> {
  await platform.upload();
  const epochs = await platform.epochsFor(20 + 3 * startSeconds);
  say(`the service takes ${startSeconds.toFixed(0)} s to start here; jobs of ${epochs} epochs`);
  return epochs;
}

async function startUnit(dataDirectory: string): Promise<Platform> {
  command("systemctl", "daemon-reload");
  const started = Date.now();
  command("systemctl", "start", "sagebrush");
  const file = `${dataDirectory}/credentials.json`;
  await until("the server has made its credentials", () => existsSync(file));
  const exports = command(process.execPath, `${root}/bin/sagebrush`, "env", "--data-dir", dataDirectory);
  const variables = Object.fromEntries(
    [...exports.matchAll(/^export (\w+)='(.*)'$/gm)].map((match) => [match[1] ?? "", match[2] ?? ""]),
  );
  const platform = new Platform(variables);
  await platform.answers();
  startSeconds = (Date.now() - started) / 1000;
  return platform;
}

/** The control group of the one run there is. */
function onlyRun(): string {
  const runs = readdirSync(`${groups}/sagebrush`, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name !== "supervisors")
    .map(({ name }) => name);
  if (runs.length !== 1) throw new Error(`Expected the group of one run, found: ${runs.join(", ")}`);
  return `${groups}/sagebrush/${runs[0]}`;
}

function supervisors(): string {
  return read(`${groups}/sagebrush/supervisors/cgroup.procs`);
}

/** Process ids of the supervisors, wherever they are. */
function runSupervisors(): string {
  return spawnSync("pgrep", ["-f", "sagebrush-supervisor"], { encoding: "utf8" }).stdout.trim();
}

function mainPid(): string {
  return command("systemctl", "show", "--property=MainPID", "--value", "sagebrush").trim();
}

function command(program: string, ...args: readonly string[]): string {
  const result = spawnSync(program, args, { encoding: "utf8" });
  if (result.status !== 0) throw new Error(`${program} ${args.join(" ")}: ${result.stderr || result.error}`);
  return result.stdout;
}

function read(path: string): string {
  return readFileSync(path, "utf8").trim();
}

function claim(what: string, holds: boolean, detail = ""): void {
  if (!holds) failures++;
  say(`${holds ? "PASS" : "FAIL"} ${what}${holds || detail === "" ? "" : `: ${detail}`}`);
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
