import { readFile } from "node:fs/promises";

/** Ways out of this host. */
export interface Uplinks {
  readonly names: readonly string[];
  /** Largest packet that all of them carry. */
  readonly mtu: number;
}

const ethernetMtu = 1500;

/** Finds the interfaces of default routes. */
export async function uplinks(): Promise<Uplinks> {
  const table = await readFile("/proc/net/route", "utf8");
  const defaults = table
    .split("\n")
    .map((line) => line.split("\t"))
    .filter((fields) => fields[1] === "00000000" && fields[7] === "00000000");
  const names = [...new Set(defaults.map((fields) => fields[0] ?? ""))];
  const mtus = await Promise.all(names.map((name) => readFile(`/sys/class/net/${name}/mtu`, "utf8").catch(() => "")));
  return { names, mtu: Math.min(ethernetMtu, ...mtus.map(Number).filter((mtu) => mtu >= 576)) };
}
