import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";

/** From iproute2. */
const ip = "ip";

/** In a block of this process alone, out of the range for measurements of networks: tests may run beside each other. */
function addressAt(offset: number): string {
  const block = process.pid % 32_768;
  return `198.${18 + (block >> 14)}.${(block >> 6) & 255}.${(block & 63) * 4 + offset}`;
}

/** Stands for the internet: a machine behind this host, in a network namespace that the test made. */
export class OtherWorld {
  readonly address = addressAt(2);
  /** The host's own address on the way there. */
  readonly hostAddress = addressAt(1);
  readonly port = 8000;
  readonly #namespace: string;
  readonly #device: string;
  readonly #server: ReturnType<typeof spawn>;

  private constructor(namespace: string, device: string, server: ReturnType<typeof spawn>) {
    this.#namespace = namespace;
    this.#device = device;
    this.#server = server;
  }

  /** Makes it, with a server that answers `world to ADDRESS` with the caller's address. */
  static async open(): Promise<OtherWorld> {
    const namespace = `sagebrush-test-${process.pid}`;
    const device = `sgtest${process.pid % 1_000_000}`;
    batch([
      `netns add ${namespace}`,
      `link add ${device} type veth peer name eth0 netns ${namespace}`,
      `addr add ${addressAt(1)}/30 dev ${device}`,
      `link set ${device} up`,
    ]);
    batch(["link set lo up", `addr add ${addressAt(2)}/30 dev eth0`, "link set eth0 up"], ["-n", namespace]);
    await writeFile(`/proc/sys/net/ipv4/conf/${device}/forwarding`, "1");
    const code = `require("node:http").createServer((q, a) => a.end("world to " + q.socket.remoteAddress)).listen(8000, "0.0.0.0", () => console.log("up"))`;
    const server = spawn(ip, ["netns", "exec", namespace, process.execPath, "-e", code], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await once(server.stdout as NonNullable<typeof server.stdout>, "data");
    return new OtherWorld(namespace, device, server);
  }

  async close(): Promise<void> {
    this.#server.kill("SIGKILL");
    await once(this.#server, "exit");
    // The kernel takes a deleted namespace apart later; the next world of this process needs the device's name at once.
    batch([`link del ${this.#device}`, `netns del ${this.#namespace}`]);
  }
}

function batch(lines: readonly string[], options: readonly string[] = []): void {
  execFileSync(ip, [...options, "-batch", "-"], { input: `${lines.join("\n")}\n` });
}
