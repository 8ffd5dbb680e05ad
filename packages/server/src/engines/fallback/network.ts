import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Settings } from "./settings.ts";

const relayProgram = fileURLToPath(new URL("./relay.ts", import.meta.url));

/** Words before a command that put it into the run's network namespace, and the user namespace of that. From util-linux. */
export function enterNetwork(settings: Settings): string[] {
  if (!settings.has("netns")) return [];
  const owner = settings.has("userns") ? [`--user=${settings.one("userns")}`, "--preserve-credentials"] : [];
  return ["nsenter", ...owner, `--net=${settings.one("netns")}`, "--"];
}

/** Shell line that opens every port to the run, in its own namespace alone. */
export const openPorts = "echo 0 > /proc/sys/net/ipv4/ip_unprivileged_port_start";

/** Starts the relays of a run. They end with this process. @throws Error when one cannot listen. */
export async function startRelays(settings: Settings): Promise<void> {
  const relays = settings.all("relay");
  if (relays.length === 0) return;
  const node = [process.execPath, "--disable-warning=ExperimentalWarning", relayProgram, ...relays];
  const [program = "", ...words] = [...enterNetwork(settings), ...node];
  const env = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" };
  const child = spawn(program, words, { stdio: ["pipe", "pipe", "ignore"], env, cwd: "/" });
  child.unref();
  const [answer] = (await once(child.stdout, "data")) as [Buffer];
  child.stdout.destroy();
  const word = answer.toString().trim();
  if (word !== "ok") throw new Error(word);
}
