import { spawn } from "node:child_process";
import { once } from "node:events";
import { appendFile, readdir, readFile, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { connect } from "node:net";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { isAlive } from "../../process-identity.ts";
import type { Engine, ImageRoot, RunId, RunSpec } from "../engine.ts";
import { engineFolders, readIdentity } from "../supervised/run-folder.ts";
import { inPhase, until, untilLogged, Workshop } from "../testkit/workshop.ts";

const starter = fileURLToPath(new URL("testkit/container-starter.ts", import.meta.url));

/** What containers promise beyond the engines' contract: limits, networks, and logs that the server's death leaves whole. */
export function containerChecks(
  root: ImageRoot,
  open: (directory: string, platformSocket?: string) => Promise<Engine>,
  host: { socketPath(): string; removeContainerOf(id: RunId): Promise<void> },
): void {
  describe("containers", () => {
    let shop: Workshop;
    let engine: Engine;
    let platform: Server;
    let count = 0;
    beforeAll(async () => {
      shop = await Workshop.open();
      platform = createServer((asked, answer) => answer.end(`platform ${asked.headers.host} ${asked.url}\n`));
      platform.listen(join(shop.root, "platform"));
      await once(platform, "listening");
      engine = await open(shop.engineDirectory, join(shop.root, "platform"));
    });
    afterAll(async () => {
      for (const id of await engine.list()) await engine.remove(id);
      await engine.close();
      platform.close();
      await shop.close();
    });

    const specOf = (id: RunId, script: string, changes: Partial<RunSpec> = {}) =>
      shop.run(id, ["/bin/sh", "-c", script], { root: { ...root, binds: [] }, ...changes });
    const newId = () => `c-${process.pid}-${count++}`;
    const start = async (script: string, changes: Partial<RunSpec> = {}) => {
      const id = newId();
      await engine.start(id, await specOf(id, script, changes));
      return id;
    };
    /** A server that starts a run and is killed when its log has so many lines. */
    const serverThatDies = async (id: RunId, script: string, line: string) => {
      const server = spawn(process.execPath, [starter], { stdio: ["pipe", "pipe", "inherit"] });
      const { engineDirectory: directory } = shop;
      server.stdin.end(
        JSON.stringify({ directory, socketPath: host.socketPath(), id, spec: await specOf(id, script) }),
      );
      await once(server.stdout, "data");
      await untilLogged(shop, id, line);
      server.kill("SIGKILL");
      await once(server, "exit");
    };

    test("a run that fills its memory is ended, and the engine knows why", async () => {
      const id = await start("exec tail /dev/zero", { resources: { memoryBytes: 64 * 2 ** 20 } });
      const end = await until(engine, id, inPhase("exited"), 60_000);
      expect(end).toMatchObject({ exitCode: 137, reason: "out-of-memory" });
    });

    test("limits, powers and users are what they should be", async () => {
      const id = await start(
        `grep -E "^(CapEff|NoNewPrivs|Seccomp):" /proc/self/status; cat /sys/fs/cgroup/pids/pids.max; ls /sys/class/net; touch /opt/ml/model-is-writable && id -u; hostname`,
        { hostname: "algo-7", resources: { cpus: 1, memoryBytes: 256 * 2 ** 20 } },
      );
      expect(await until(engine, id, inPhase("exited"))).toMatchObject({ exitCode: 0 });
      // The capabilities of decision 0141, as bits: AUDIT_WRITE, SYS_CHROOT, NET_BIND_SERVICE, and the lowest eight less two.
      expect((await shop.logLines(id)).map((line) => line.replaceAll(/\s+/g, " "))).toEqual([
        "CapEff: 00000000200404fb",
        "NoNewPrivs: 1",
        "Seccomp: 2",
        "16384",
        "lo",
        "0",
        "algo-7",
      ]);
    });

    test("GPUs are device files that the run may use, with the host's driver beside the image's libraries", async () => {
      const library = join(shop.root, "libcuda");
      await writeFile(library, "driver\n");
      const gpus = {
        uuids: ["GPU-1"],
        // What is at hand: a device that is not among those of every container's at this name.
        devices: [{ source: "/dev/zero", target: "/dev/nvidia0" }],
        driver: [{ source: library, target: "/opt/sagebrush/nvidia/lib/libcuda.so.1" }],
      };
      const id = await start("head -c 4 /dev/nvidia0 | wc -c; cat $LD_LIBRARY_PATH/libcuda.so.1", {
        resources: { gpus },
      });
      expect(await until(engine, id, inPhase("exited"))).toMatchObject({ exitCode: 0 });
      expect(await shop.logLines(id)).toEqual(["4", "driver"]);
    });

    test("a log is whole when the server died while the container wrote, and nothing in it is double", async () => {
      const id = newId();
      const script = "for i in $(seq 1 150); do echo line $i; echo odd $i >&2; usleep 15000; done; printf end";
      await serverThatDies(id, script, "line 20");
      expect((await readFile(shop.logFile(id), "utf8")).includes("line 150")).toBe(false);
      // What a server wrote after it last noted its position is cut off and written again.
      await appendFile(shop.logFile(id), "1796050911000 line 21 and more that was not noted\n1796050911");
      const next = await open(shop.engineDirectory);
      expect(await until(next, id, inPhase("exited"), 60_000)).toMatchObject({ exitCode: 0 });
      await next.close();
      const lines = await shop.logLines(id);
      const of = (word: string) => lines.filter((line) => line.startsWith(word)).map((line) => line.split(" ")[1]);
      const all = Array.from({ length: 150 }, (_, index) => String(index + 1));
      expect(of("line")).toEqual(all);
      expect(of("odd")).toEqual(all);
      expect(lines.at(-1)).toBe("end");
      expect(lines).toHaveLength(301);
    });

    test("hosts of one job find each other by name, and nobody else", async () => {
      const network = (name: string) => ({
        kind: "bridge" as const,
        name,
        hosts: ["algo-1", "algo-2"],
        internet: false,
      });
      const wait = "until nc -w 1 algo-2 7777 </dev/null; do sleep 0.1; done";
      const server = await start(
        "ls /sys/class/net; while true; do echo hello from $(hostname) | nc -l -p 7777; done",
        {
          network: network("job-a"),
          hostname: "algo-2",
          serves: { port: 7777 },
        },
      );
      const client = await start(`cat /etc/hosts; ${wait}`, {
        network: network("job-a"),
        hostname: "algo-1",
      });
      const stranger = await start(
        "sleep 1; nc -w 1 algo-2 7777 </dev/null; echo $?; nc -w 1 1.1.1.1 53 </dev/null; echo $?",
        {
          network: network("job-b"),
          hostname: "algo-1",
        },
      );
      await until(engine, client, inPhase("exited"), 60_000);
      expect(await shop.logLines(client)).toContain("hello from algo-2");
      const names = (await shop.logLines(client)).filter((line) => /^10\.\S+\s+algo-[12]$/.test(line));
      expect(names.length).toBeGreaterThanOrEqual(2);
      expect(await shop.logLines(server)).toContain("eth0");
      const { address } = await until(engine, server, inPhase("running"));
      const [, ip, port] = /^tcp:([\d.]+):(\d+)$/.exec(address) ?? [];
      expect(await text(connect(Number(port), ip))).toBe("hello from algo-2\n");
      await until(engine, stranger, inPhase("exited"), 60_000);
      expect((await shop.logLines(stranger)).filter((line) => /^\d$/.test(line))).toEqual(["1", "1"]);
      for (const id of [server, client, stranger]) await engine.remove(id);
      // Three containers on two networks, made one after the other: a busy machine took more than half a minute for them.
    }, 150_000);

    test("the platform answers at its address where there is a way out, and its relay goes with the run", async () => {
      const network = { kind: "bridge" as const, name: `out-${process.pid}`, hosts: ["algo-1"], internet: true };
      const id = await start("until wget -q -O - http://169.254.170.2/x; do sleep 0.1; done; sleep 1000", { network });
      await untilLogged(shop, id, "platform 169.254.170.2 /x");
      const relay = readIdentity(join(engineFolders(shop.engineDirectory).runs, id, "relay"));
      if (relay === undefined) throw new Error("no relay");
      expect(isAlive(relay)).toBe(true);
      await engine.remove(id);
      await expect.poll(() => isAlive(relay)).toBe(false);
    });

    test("a job of one host reaches no service of this host, and its network goes with it", async () => {
      const service = createServer((_asked, answer) => answer.end("host")).listen(0, "0.0.0.0");
      await once(service, "listening");
      const { port } = service.address() as { port: number };
      const addresses = Object.values(networkInterfaces())
        .flat()
        .flatMap((each) => (each?.family === "IPv4" ? [each.address] : []));
      const tries = addresses.map((each) => `wget -q -T 1 -O - http://${each}:${port}/ || echo closed`).join("; ");
      const network = { kind: "bridge" as const, name: `one-${process.pid}`, hosts: ["algo-1"], internet: true };
      const id = await start(`ls /sys/class/net; grep algo-1 /etc/hosts; ${tries}; echo done; sleep 1000`, {
        network,
        hostname: "algo-1",
      });
      await untilLogged(shop, id, "done");
      const lines = await shop.logLines(id);
      expect(lines.slice(0, 2)).toEqual(["eth0", "lo"]);
      expect(lines.some((line) => /^10\.\S+\s+algo-1$/.test(line))).toBe(true);
      expect(lines.filter((line) => line === "closed")).toHaveLength(addresses.length);
      expect(lines).not.toContain("host");
      const runs = join(shop.engineDirectory, "networks");
      expect(await readdir(runs)).toContain(network.name);
      await engine.remove(id);
      expect(await readdir(runs)).not.toContain(network.name);
      service.close();
    });

    test("a container that somebody else removed is lost", async () => {
      const id = await start("sleep 1000");
      await host.removeContainerOf(id);
      expect(await until(engine, id, inPhase("lost"))).toMatchObject({ reason: expect.stringContaining("removed") });
      await engine.remove(id);
      expect(await engine.observe(id)).toEqual({ phase: "absent" });
    });
  });
}
