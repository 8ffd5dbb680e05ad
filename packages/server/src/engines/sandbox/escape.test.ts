import { spawnSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { silentLog } from "../../log.ts";
import { openEngine } from "../open-engine.ts";
import { requirements, where } from "../requirements.ts";
import { nativeSupervisor, nodeSupervisor, type Supervisor } from "../supervised/supervisor.ts";
import { escapeChecks } from "./escape-checks.ts";

const { bubblewrap, userNamespaces, nativeSupervisor: native } = requirements;

/** The supervisor as a careless starter would start it: with a file of the host open on descriptor 9. */
function withOpenFile(supervisor: Supervisor): Supervisor {
  return { ...supervisor, command: ["/bin/sh", "-c", 'exec 9</etc/passwd; exec "$0" "$@"', ...supervisor.command] };
}

where("escapes from sandboxes", [bubblewrap, userNamespaces, native], () => {
  escapeChecks({
    name: "sandboxes",
    open: (directory) =>
      openEngine({
        directory,
        kind: "sandbox",
        log: silentLog,
        supervisor: withOpenFile(nativeSupervisor() ?? nodeSupervisor()),
      }),
  });
});

where("escapes from sandboxes with the host's tools", [bubblewrap, userNamespaces, native], () => {
  escapeChecks({
    name: "sandboxes with the host's tools",
    root: "host-tools",
    open: (directory) => openEngine({ directory, kind: "sandbox", log: silentLog }),
  });
});

where("escapes from sandboxes under the TypeScript supervisor", [bubblewrap, userNamespaces, native], () => {
  escapeChecks({
    name: "sandboxes under the TypeScript supervisor",
    open: (directory) =>
      openEngine({ directory, kind: "sandbox", log: silentLog, supervisor: withOpenFile(nodeSupervisor()) }),
  });
});

describe("the test's own premise", () => {
  test("a shell keeps descriptor 9 open for what it executes", () => {
    const { stdout } = spawnSync("/bin/sh", ["-c", "exec 9</etc/passwd; exec ls /dev/fd/"], { encoding: "utf8" });
    expect(stdout.split("\n")).toContain("9");
  });
});
