import { type Dirent, existsSync, readdirSync, readlinkSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
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

/** Where a folder of /usr appears whose own place gives room to programs that the host lacks. */
const asideTarget = "/opt/sagebrush/host";

/** What a root of the host's own programs is made of. */
export interface HostTools {
  /** Host folder that becomes the private home. */
  readonly home: string;
  /** Host file in place of the one that programs may write variables for log-ins to. */
  readonly loginVariables: string;
  /** Paths that something will be bound to: those in folders of /usr need not exist on the host. */
  readonly targets: readonly string[];
}

/** Steps that build a root from the host's own programs: /usr and little else, read-only. */
export function hostToolsRoot({ home, loginVariables, targets }: HostTools): SetupStep[] {
  const files = settings.filter((path) => existsSync(path) && !sharedFiles.some((shared) => shared.startsWith(path)));
  return [
    ...["/opt", "/etc", "/proc", "/dev", "/var"].map((path) => ["dir", path, "755"] as const),
    ...["/tmp"].map((path) => ["dir", path, "1777"] as const),
    ...usr(targets),
    ...besideUsr.filter((path) => existsSync(path)).map(asOnHost),
    ["symlink", "/tmp", "/var/tmp"],
    ...files.map((path) => ["ro", path, path] as const),
    ...accountFiles({ home: homeTarget, shell: existsSync("/bin/bash") ? "/bin/bash" : "/bin/sh" }),
    ["own", loginVariables],
    ["rw", loginVariables, "/etc/environment"],
    ["own", home],
    ["rw", home, homeTarget],
  ];
}

/** /usr as it is, or in pieces where something will be bound into a folder of it: nothing can be made in a mount. */
function usr(targets: readonly string[]): SetupStep[] {
  const lacking = targets.filter((target) => target.startsWith("/usr/") && !existsSync(target));
  const opened = new Set(lacking.map((target) => dirname(target)).flatMap(realFolder));
  if (opened.size === 0) return [["ro", "/usr", "/usr"]];
  return [
    ["dir", "/usr", "755"],
    ...entries("/usr").flatMap(({ path, entry }) => {
      if (entry.isSymbolicLink()) return [["symlink", readlinkSync(path), path] as const];
      return opened.has(path) ? inPieces(path) : [["ro", path, path] as const];
    }),
  ];
}

/** A folder of links to what is in it, aside; its own links stay as they are. */
function inPieces(folder: string): SetupStep[] {
  const aside = asideTarget + folder;
  return [
    ["ro", folder, aside],
    ["dir", folder, "755"],
    ...entries(folder).map(({ path, entry }) => {
      return ["symlink", entry.isSymbolicLink() ? readlinkSync(path) : asideTarget + path, path] as const;
    }),
  ];
}

function entries(folder: string): { readonly path: string; readonly entry: Dirent }[] {
  return readdirSync(folder, { withFileTypes: true }).map((entry) => ({ path: join(folder, entry.name), entry }));
}

/** A folder directly below /usr, by its real name: distributions differ in which is a link to which. */
function realFolder(path: string): string[] {
  const real = existsSync(path) ? realpathSync(path) : path;
  return dirname(real) === "/usr" ? [real] : [];
}

function asOnHost(path: string): SetupStep {
  try {
    return ["symlink", readlinkSync(path), path];
  } catch {
    return ["ro", path, path]; // a folder: no merged /usr
  }
}
