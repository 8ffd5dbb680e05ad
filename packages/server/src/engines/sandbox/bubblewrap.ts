import { existsSync } from "node:fs";
import type { Bind } from "../engine.ts";

/** Readable by everybody in /proc, and about the host: shown as an unreadable file instead. */
const maskedFiles = ["/proc/keys", "/proc/key-users", "/proc/timer_list", "/proc/kallsyms", "/proc/config.gz"].filter(
  (path) => existsSync(path),
);

/** What bubblewrap is asked for. */
export interface BubblewrapRequest {
  readonly hostname: string;
  /** Whether it makes a network namespace with nothing but a loopback, or stays in the one that it is started in. */
  readonly ownNetwork: boolean;
  readonly environment: Readonly<Record<string, string>>;
  /** Where the prepared root lies for bubblewrap, or the options that build one. */
  readonly root: readonly string[];
  /** Where the command starts. */
  readonly workingDirectory: string;
  /** How the run's ids and its root are. Default: it is root, alone, and the root is read-only but for /tmp. */
  readonly image?: {
    /** The supervisor hands over a user namespace with a range of ids: root may change to them. */
    readonly hasRange: boolean;
    /** Without a range: the one id, as the run sees it. */
    readonly user: { readonly uid: number; readonly gid: number };
  };
  /** Device files of the host to show besides the usual ones. */
  readonly devices?: readonly Bind[];
  /** Paths below /tmp that the prepared root shows: a file system of the run's own covers it, so they are shown again. */
  readonly belowTmp?: readonly string[];
  /** Size of /tmp and of /dev/shm, each. Their pages count as the run's memory. */
  readonly scratchBytes: number;
}

/**
 * The options, NUL-terminated: they go through a file, since a command line is visible to every user of the host.
 * @throws Error for a NUL character within an option: what follows it would be an option of its own, such as a bind.
 */
export function bubblewrapOptions(request: BubblewrapRequest): string {
  const scratch = ["--perms", "1777", "--size", String(Math.floor(request.scratchBytes)), "--tmpfs"];
  const options = [
    [...namespaces(request), "--die-with-parent", "--new-session"],
    ["--hostname", request.hostname],
    identity(request),
    ["--clearenv"],
    ...Object.entries(request.environment).map(([name, value]) => ["--setenv", name, value]),
    request.root,
    ["--proc", "/proc", "--dev", "/dev"],
    ...(request.devices ?? []).map(({ source, target }) => ["--dev-bind", source, target]),
    // An image's /tmp lies on the disk, with the rest of its private layer.
    [...(request.image ? [] : [...scratch, "/tmp"]), ...scratch, "/dev/shm"],
    ...(request.belowTmp ?? []).map((path) => ["--ro-bind", `/tmp${path}`, path]), // the prepared root is at /tmp
    ...maskedFiles.map((path) => ["--ro-bind", "/dev/null", path]),
    ["--ro-bind", "/proc/sys", "/proc/sys"],
    // Last: everything before it made its mount points in the root.
    [...(request.image ? [] : ["--remount-ro", "/"]), "--chdir", request.workingDirectory],
  ];
  const words = options.flat();
  const cut = words.find((word) => word.includes("\0"));
  if (cut !== undefined) throw new Error(`A NUL character in ${JSON.stringify(cut)} of a run`);
  return words.map((word) => `${word}\0`).join("");
}

/** What an image's root may do to its own files and processes, as in Docker; nothing of it reaches the host. */
const rootCapabilities = ["CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "NET_BIND_SERVICE"];

function identity({ image }: BubblewrapRequest): string[] {
  const drop = ["--cap-drop", "ALL"];
  if (!image?.hasRange) {
    const { uid, gid } = image?.user ?? { uid: 0, gid: 0 };
    return ["--uid", String(uid), "--gid", String(gid), ...drop];
  }
  return [...drop, ...(image.user.uid === 0 ? rootCapabilities.flatMap((name) => ["--cap-add", `CAP_${name}`]) : [])];
}

/** All of them; the user namespace is the supervisor's where it hands one over. */
function namespaces({ image, ownNetwork }: BubblewrapRequest): string[] {
  if (!image?.hasRange) return ["--unshare-all", ...(ownNetwork ? [] : ["--share-net"])];
  const others = ["--unshare-ipc", "--unshare-pid", "--unshare-uts", "--unshare-cgroup-try"];
  return [...others, ...(ownNetwork ? ["--unshare-net"] : [])];
}

/** Finds bubblewrap on the PATH. */
export function findBubblewrap(path = process.env["PATH"] ?? ""): string | undefined {
  return [...path.split(":"), "/usr/bin", "/usr/local/bin"]
    .filter((folder) => folder.startsWith("/"))
    .map((folder) => `${folder}/bwrap`)
    .find((file) => existsSync(file));
}
