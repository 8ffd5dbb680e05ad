import { spawnSync } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "vitest";
import { findTools } from "./network/tools.ts";
import { findBubblewrap } from "./sandbox/bubblewrap.ts";
import { nativeSupervisor } from "./supervised/supervisor.ts";

/** From util-linux. */
const unshare = "unshare";

/** Something that a test wants from the host. */
export interface Requirement {
  readonly name: string;
  readonly met: boolean;
}

const tools = findTools();
const isRoot = process.geteuid?.() === 0;

/** What engine tests may want, each decided once. */
export const requirements = {
  root: { name: "to be root", met: isRoot },
  bubblewrap: { name: "bubblewrap", met: process.platform === "linux" && findBubblewrap() !== undefined },
  pythonEnvironments: { name: "Python 3 with venv and pip (python3-venv)", met: makesPythonEnvironments() },
  nativeSupervisor: { name: "the native supervisor (a C compiler at set-up)", met: nativeSupervisor() !== undefined },
  userNamespaces: { name: "user namespaces without privileges", met: allowsUserNamespaces() },
  iproute2: { name: "iproute2", met: tools.ip !== undefined },
  slirp4netns: {
    name: "slirp4netns, and /dev/net/tun open to everybody",
    met: tools.slirp4netns !== undefined && modeOf("/dev/net/tun") === 0o666,
  },
  wireguard: {
    name: "wireguard-tools and wireguard-go",
    met: tools.wg !== undefined && tools.wireguardGo !== undefined,
  },
  tcpdump: { name: "tcpdump", met: existsSync("/usr/bin/tcpdump") || existsSync("/usr/sbin/tcpdump") },
  iptables: { name: "iptables", met: tools.iptables !== undefined },
  nftables: { name: "nftables", met: tools.nft !== undefined },
  memoryControlGroups: {
    name: "writable control groups",
    met:
      isRoot && (existsSync("/sys/fs/cgroup/memory/cgroup.procs") || existsSync("/sys/fs/cgroup/cgroup.controllers")),
  },
  busybox: { name: "busybox", met: isInstalled("busybox") },
  podman: { name: "podman", met: isInstalled("podman") },
  skopeo: { name: "skopeo", met: isInstalled("skopeo") },
  containers: {
    name: "podman, runc, catatonit and busybox-static, as root",
    met: isRoot && ["podman", "runc", "catatonit"].every(isInstalled) && existsSync("/bin/busybox"),
  },
} satisfies Record<string, Requirement>;

/**
 * Registers `tests` where the host has what they need. Elsewhere one test of the same name is skipped and says what is
 * missing; where skipping is forbidden (`SAGEBRUSH_FORBID_SKIPS=1`) it fails instead.
 */
export function where(name: string, needed: readonly Requirement[], tests: () => void): void {
  const missing = needed.filter((requirement) => !requirement.met).map((requirement) => requirement.name);
  if (missing.length === 0) return tests();
  const title = `${name} (needs ${missing.join(", ")})`;
  if (process.env["SAGEBRUSH_FORBID_SKIPS"] !== "1") return test.skip(title, () => undefined);
  test(title, () => {
    throw new Error(`This host lacks ${missing.join(", ")}, and skipping is forbidden.`);
  });
}

function makesPythonEnvironments(): boolean {
  return spawnSync("python3", ["-c", "import venv, ensurepip"]).status === 0;
}

function modeOf(path: string): number {
  const about = statSync(path, { throwIfNoEntry: false });
  return about === undefined ? 0 : about.mode & 0o777;
}

function allowsUserNamespaces(): boolean {
  if (process.platform !== "linux") return false;
  const user = isRoot ? { uid: 54_321, gid: 54_321 } : {};
  return spawnSync(unshare, ["--user", "--map-root-user", "--mount", "true"], { ...user, cwd: "/" }).status === 0;
}

/** Whether a program is on the PATH. */
function isInstalled(name: string): boolean {
  return (process.env["PATH"] ?? "").split(":").some((folder) => existsSync(join(folder, name)));
}
