import { existsSync, readlinkSync } from "node:fs";
import type { SetupStep } from "../supervised/plan.ts";
import { accountFiles, sharedFiles } from "./minimal-root.ts";

/** Where programs look beside /usr: links into it on every current distribution, folders of their own on older ones. */
const besideUsr = ["/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"];

/**
 * What programs of the host need of its /etc and what holds no secret: certificates but not their keys, names of
 * services, which of several libraries is meant.
 */
const settings = [
  ...["/etc/ssl/certs", "/etc/ssl/openssl.cnf", "/etc/pki/ca-trust", "/etc/pki/tls/certs", "/etc/ca-certificates"],
  ...["/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/alternatives"],
  ...["/etc/localtime", "/etc/os-release", "/etc/mime.types", "/etc/protocols", "/etc/services", "/etc/gai.conf"],
  ...["/etc/python3", "/etc/openmpi", "/etc/fonts"],
];

/** Where a run's home appears inside. */
export const homeTarget = "/root";

/**
 * Steps that build a root from the host's own programs: /usr and little else, read-only.
 * @param home - Host folder that becomes the private home.
 */
export function hostToolsRoot(home: string): SetupStep[] {
  const files = settings.filter((path) => existsSync(path) && !sharedFiles.some((shared) => shared.startsWith(path)));
  return [
    ...["/opt", "/etc", "/proc", "/dev", "/var"].map((path) => ["dir", path, "755"] as const),
    ...["/tmp"].map((path) => ["dir", path, "1777"] as const),
    ["ro", "/usr", "/usr"],
    ...besideUsr.filter((path) => existsSync(path)).map(asOnHost),
    ["symlink", "/tmp", "/var/tmp"],
    ...files.map((path) => ["ro", path, path] as const),
    ...accountFiles({ home: homeTarget, shell: existsSync("/bin/bash") ? "/bin/bash" : "/bin/sh" }),
    ["own", home],
    ["rw", home, homeTarget],
  ];
}

function asOnHost(path: string): SetupStep {
  try {
    return ["symlink", readlinkSync(path), path];
  } catch {
    return ["ro", path, path]; // a folder: no merged /usr
  }
}
