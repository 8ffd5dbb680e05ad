import { expect, test } from "vitest";
import { containerState, type InspectedContainer } from "./container-state.ts";
import { initFailure, startFailure } from "./start-failure.ts";

const never = "0001-01-01T00:00:00Z";
const at = (minute: number) => new Date(minute * 60_000).toISOString();
const bootAt = 10 * 60_000;

function inspected(changes: Partial<InspectedContainer["State"]>): InspectedContainer {
  const state = { Status: "exited", Running: false, Pid: 0, ExitCode: 0, OOMKilled: false };
  return { Id: "c", State: { ...state, StartedAt: at(20), FinishedAt: at(21), ...changes } };
}

const restarted = { phase: "lost", reason: "The host was restarted while the run was going on" };

test.for<[string, Partial<InspectedContainer["State"]>, object]>([
  ["created", { Status: "created", StartedAt: never, FinishedAt: never }, { phase: "created" }],
  ["Podman's word for it", { Status: "configured", StartedAt: never, FinishedAt: never }, { phase: "created" }],
  ["running", { Status: "running", Running: true, FinishedAt: never }, { phase: "running", startedAt: 20 * 60_000 }],
  ["paused", { Status: "paused", FinishedAt: never }, { phase: "running", startedAt: 20 * 60_000 }],
  ["ended", { ExitCode: 3 }, { phase: "exited", exitCode: 3, startedAt: 20 * 60_000, endedAt: 21 * 60_000 }],
  ["out of memory", { ExitCode: 137, OOMKilled: true }, { phase: "exited", exitCode: 137, reason: "out-of-memory" }],
  ["a child out of memory", { ExitCode: 0, OOMKilled: true }, { phase: "exited", exitCode: 0 }],
  ["cut off by a restart, under Docker", { StartedAt: at(5), FinishedAt: at(11), ExitCode: 255 }, restarted],
  ["cut off by a restart, under Podman", { Status: "created", StartedAt: at(5), FinishedAt: never }, restarted],
  ["ended before a restart", { StartedAt: at(5), FinishedAt: at(6) }, { phase: "exited", exitCode: 0 }],
  ["no end known", { ExitCode: -1 }, { phase: "lost" }],
])("a container: %s", ([, state, expected]) => {
  const found = containerState(inspected(state), bootAt);
  expect(found).toMatchObject(expected);
  expect("reason" in found).toBe("reason" in expected || ("phase" in expected && expected.phase === "lost"));
});

test.for<[string, number | undefined]>([
  [
    `OCI runtime create failed: runc create failed: unable to start container process: exec: "train": executable file not found in $PATH: unknown`,
    127,
  ],
  [`runc: exec failed: unable to start container process: exec: "/x": stat /x: no such file or directory`, 127],
  [
    "crun: executable file `train` not found in $PATH: No such file or directory: OCI runtime attempted to invoke a command that was not found",
    127,
  ],
  [`unable to start container process: exec: "/etc": permission denied: unknown`, 126],
  [`unable to start container process: exec /train: exec format error`, 126],
  ["crun: cgroups in hybrid mode not supported, drop all controllers from cgroupv2: OCI runtime error", undefined],
  ["crun: setrlimit `RLIMIT_NOFILE`: Operation not permitted: OCI permission denied", undefined],
  ["statfs /data/runs/x/ml: no such file or directory", undefined],
])("a start that fails with %s", ([message, exitCode]) => {
  expect(startFailure(message)?.exitCode).toBe(exitCode);
});

test("what the init program says of a command that it cannot execute", () => {
  expect(initFailure("1796 ERROR (catatonit:6): failed to exec pid1: No such file or directory")?.exitCode).toBe(127);
  expect(initFailure("1796 ERROR (catatonit:6): failed to exec pid1: Permission denied")?.exitCode).toBe(126);
  expect(initFailure("1796 error: no such file")).toBeUndefined();
});
