import { readFile } from "node:fs/promises";

/** Who answers questions for names. */
export interface Resolver {
  /** Addresses to write into a run's /etc/resolv.conf; runs may reach their port 53 even where they are private. */
  readonly servers: readonly string[];
  /** A server on the host's own loopback, where no run can reach it: the bridge's address stands for it. */
  readonly loopback?: string;
}

const hostFile = "/etc/resolv.conf";
/** Behind its stub on 127.0.0.53, systemd-resolved lists the servers it asks itself. */
const systemdFile = "/run/systemd/resolve/resolv.conf";
/** As many as the C library reads. */
const maxServers = 3;

/** Finds the host's resolver as runs can use it. */
export async function findResolver(files: readonly string[] = [hostFile, systemdFile]): Promise<Resolver> {
  let loopback: string | undefined;
  for (const file of files) {
    const servers = parseServers(await readFile(file, "utf8").catch(() => "")); // none: the next one, or no names
    const reachable = servers.filter((server) => !server.startsWith("127."));
    if (reachable.length > 0) return { servers: reachable.slice(0, maxServers) };
    loopback ??= servers[0];
  }
  return loopback === undefined ? { servers: [] } : { servers: [], loopback };
}

/** The IPv4 servers of a resolv.conf: networks of runs have no IPv6. */
export function parseServers(text: string): string[] {
  return [...text.matchAll(/^[ \t]*nameserver[ \t]+(\d{1,3}(?:\.\d{1,3}){3})[ \t]*(?:[#;].*)?$/gm)].map(
    (match) => match[1] ?? "",
  );
}
