import { mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { candidates, overlaps, parseSubnet, type Subnet, subnetText } from "./subnets.ts";
import { runTool } from "./tools.ts";

/** Where every server of this host notes which blocks it uses; gone at a restart, like the networks themselves. */
export const claimBoard = "/run/sagebrush/networks";

/**
 * Takes a block of addresses that nothing on this host uses: no interface, no route, no other server. The claim is a
 * file that only one process can make; one whose owner is gone is taken over.
 * @param request.owner - A path that exists for as long as the claim shall hold.
 */
export async function claimSubnet(request: {
  ip: string;
  hosts: number;
  seed: string;
  owner: string;
  board?: string;
}): Promise<Subnet> {
  const { ip, hosts, seed, owner, board = claimBoard } = request;
  const used = usedSubnets(await runTool([ip, "-4", "route", "show", "table", "all"]));
  await mkdir(board, { recursive: true, mode: 0o755 });
  for (const subnet of candidates(hosts, seed)) {
    if (used.some((each) => overlaps(each, subnet))) continue;
    if (await claim(claimFile(subnet, board), owner)) return subnet;
  }
  throw new Error("Every block of addresses for networks of runs is taken");
}

/** Makes a block that is ours another owner's. */
export async function passSubnet(subnet: Subnet, owner: string, board = claimBoard): Promise<void> {
  await writeFile(claimFile(subnet, board), owner, { mode: 0o644 });
}

/** Gives a block back, unless it is another's by now: claims do not outlast a restart of the host. */
export async function releaseSubnet(subnet: Subnet, owner: string, board = claimBoard): Promise<void> {
  const file = claimFile(subnet, board);
  const holder = await readFile(file, "utf8").catch(() => ""); // none
  if (holder === owner) await rm(file, { force: true });
}

/** The networks that a listing of routes names, interfaces' own addresses among them. */
export function usedSubnets(routes: string): Subnet[] {
  const kinds = /^(?:(?:local|broadcast|unicast|blackhole|unreachable|prohibit|throw|multicast|anycast|nat)\s+)?(\S+)/;
  return routes
    .split("\n")
    .map((line) => parseSubnet(kinds.exec(line.trim())?.[1] ?? ""))
    .filter((subnet) => subnet !== undefined)
    .filter(({ prefix }) => prefix > 12); // wider ones are ways to somewhere else; ours are more special than they
}

async function claim(file: string, owner: string): Promise<boolean> {
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      await writeFile(file, owner, { flag: "wx", mode: 0o644 });
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    const holder = await readFile(file, "utf8").catch(() => ""); // given back meanwhile
    if (holder === owner) return true; // ours, from before a crash
    if (holder !== "" && (await isThere(holder))) return false;
    if (holder !== "") await rm(file, { force: true });
  }
  return false;
}

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => error.code !== "ENOENT",
  );
}

function claimFile(subnet: Subnet, board: string): string {
  return join(board, subnetText(subnet).replace("/", "-"));
}
