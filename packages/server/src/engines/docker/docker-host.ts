import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

/**
 * Finds the socket of this host's container engine: the setting's, `DOCKER_HOST`'s, else the first that is there of
 * Docker's and Podman's usual ones, root's before the user's own.
 * @param setting - `unix:///path` or a path; empty to look; `none` for no container engine.
 * @returns The socket's path, or undefined where there is none.
 * @throws Error for an address that is no Unix socket: containers use this host's files.
 */
export function findEngineSocket(
  setting: string,
  environment: NodeJS.ProcessEnv = process.env,
  exists: (path: string) => boolean = existsSync,
): string | undefined {
  const given = setting || environment["DOCKER_HOST"] || "";
  if (given === "none") return undefined;
  if (given !== "") return socketOf(given);
  const runtime = environment["XDG_RUNTIME_DIR"];
  const home = environment["HOME"] ?? homedir();
  const usual = [
    "/var/run/docker.sock",
    "/run/podman/podman.sock",
    ...(runtime ? [join(runtime, "docker.sock"), join(runtime, "podman/podman.sock")] : []),
    join(home, ".docker/run/docker.sock"),
  ];
  return usual.find(exists);
}

function socketOf(address: string): string {
  const path = address.startsWith("unix://") ? address.slice("unix://".length) : address;
  if (path.startsWith("/")) return path;
  throw new Error(
    `The container engine's address must be a Unix socket (unix:///path), got ${address}: containers use files of this host.`,
  );
}
