import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { text } from "node:stream/consumers";

/** Programs of the system that make networks; undefined: not installed. */
export interface NetworkTools {
  /** From iproute2. */
  readonly ip: string | undefined;
  /** From nftables. */
  readonly nft: string | undefined;
  readonly iptables: string | undefined;
  readonly slirp4netns: string | undefined;
  /** From wireguard-tools. */
  readonly wg: string | undefined;
  readonly wireguardGo: string | undefined;
}

/** Finds the programs on the PATH and where administrators' programs lie. */
export function findTools(path = process.env["PATH"] ?? ""): NetworkTools {
  const folders = [...path.split(":"), "/usr/sbin", "/usr/bin", "/sbin", "/bin"].filter((folder) =>
    folder.startsWith("/"),
  );
  const find = (name: string) => folders.map((folder) => `${folder}/${name}`).find((file) => existsSync(file));
  return {
    ip: find("ip"),
    nft: find("nft"),
    iptables: find("iptables"),
    slirp4netns: find("slirp4netns"),
    wg: find("wg"),
    wireguardGo: find("wireguard-go"),
  };
}

/** A program of the system that ended with an error. */
export class ToolFailed extends Error {
  override readonly name = "ToolFailed";
}

const limitMillis = 20_000;

/** Runs a program on `input`. @returns What it wrote. @throws ToolFailed with what it complained about. */
export async function runTool(command: readonly string[], input = ""): Promise<string> {
  const [program = "", ...words] = command;
  const child = spawn(program, words, { stdio: ["pipe", "pipe", "pipe"], cwd: "/", timeout: limitMillis });
  const ended = new Promise<number | string>((resolve) => {
    child.on("error", (error) => resolve(error.message));
    child.on("close", (code, signal) => resolve(code ?? signal ?? "no status"));
  });
  child.stdin.on("error", () => undefined); // it ended before it read everything: its status says why
  child.stdin.end(input);
  const [out, complaint, status] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  if (status === 0) return out;
  throw new ToolFailed(
    `${command.join(" ")}: ${complaint.trim().split("\n").slice(0, 3).join("; ") || `status ${status}`}`,
  );
}
