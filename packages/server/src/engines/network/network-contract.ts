import { once } from "node:events";
import { chmod } from "node:fs/promises";
import { createServer, get, type Server } from "node:http";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test as register } from "vitest";
import type { BridgeNetwork, Engine, RunId, RunSpec } from "../engine.ts";
import type { Candidate } from "../engine-contract.ts";
import { OtherWorld } from "../testkit/other-world.ts";
import { inPhase, until, untilLogged, Workshop } from "../testkit/workshop.ts";

/** An engine whose runs have networks. */
export interface NetworkCandidate extends Omit<Candidate, "open"> {
  open(directory: string, platformSocket: string): Promise<Engine>;
}

/** Runs inside: `ask(url)` answers with the text, or with the error's code. */
const ask = `const ask = (url, options = {}) => new Promise((resolve) => require("node:http").get(url, { timeout: 700, ...options }, (a) => { let t = ""; a.on("data", (d) => t += d).on("end", () => resolve(t)) }).on("timeout", function () { this.destroy(Object.assign(new Error(), { code: "timeout" })) }).on("error", (e) => resolve(e.code)));`;
const nowhere = /^(timeout|ECONNREFUSED|ENETUNREACH|EHOSTUNREACH)$/;

/** Every engine with networks passes these. */
export function networkContract(candidate: NetworkCandidate): void {
  const test = (name: string, run: () => Promise<void>) => {
    if (candidate.only === undefined || name.includes(candidate.only)) register(name, run);
  };
  describe(`the network contract: ${candidate.name}`, () => {
    let shop: Workshop;
    let engine: Engine;
    let world: OtherWorld;
    let platform: Server;
    let hostServer: Server;
    let count = 0;
    beforeAll(async () => {
      shop = await Workshop.open(candidate.owner, candidate.node);
      world = await OtherWorld.open();
      platform = createServer((request, response) => {
        if (request.method === "POST") request.pipe(response);
        else response.end(`platform ${request.headers.host} ${request.url}`);
      });
      platform.listen(join(shop.root, "platform"));
      hostServer = createServer((_request, response) => response.end("host")).listen(0, "0.0.0.0");
      await Promise.all([once(platform, "listening"), once(hostServer, "listening")]);
      await chmod(join(shop.root, "platform"), 0o777); // the engine may be another user
      engine = await candidate.open(shop.engineDirectory, join(shop.root, "platform"));
    });
    afterAll(async () => {
      for (const id of await engine.list()) await engine.remove(id);
      await engine.close();
      platform.close();
      hostServer.close();
      await world.close();
      await shop.close();
    });

    const newId = () => `n-${process.pid}-${count++}`;
    const network = (changes: Partial<BridgeNetwork> = {}): BridgeNetwork => ({
      kind: "bridge",
      name: `net-${process.pid}-${count++}`,
      hosts: ["algo-1"],
      internet: true,
      ...changes,
    });
    const start = async (code: string, changes: Partial<RunSpec>): Promise<RunId> => {
      const id = newId();
      await engine.start(id, await shop.script(id, ask + code, changes));
      return id;
    };
    /** What `code` leaves in `result`, run inside. */
    const inside = async <T>(code: string, changes: Partial<RunSpec>): Promise<T> => {
      const id = await start(`(async () => { let result; ${code}; console.log(JSON.stringify(result)) })()`, changes);
      await until(engine, id, inPhase("exited"));
      const [line = ""] = (await shop.logLines(id)).slice(-1);
      await engine.remove(id);
      return JSON.parse(line) as T;
    };
    const serve = (word: string) =>
      `require("node:http").createServer((q, a) => a.end(${JSON.stringify(word)})).listen(8080, "0.0.0.0", () => console.log("up"));`;

    test("hosts of one network resolve and reach each other by name, from every side", async () => {
      const shared = network({ hosts: ["algo-1", "algo-2"], internet: false });
      const serverRun = await start(serve("I am one"), { network: shared, hostname: "algo-1" });
      await untilLogged(shop, serverRun, "up");
      const seen = await inside<{ answer: string; hosts: string; names: string[]; own: string[] }>(
        `result = { answer: await ask("http://algo-1:8080/"), hosts: fs.readFileSync("/etc/hosts", "utf8"), names: fs.readFileSync("/proc/net/dev", "utf8").match(/^ *[a-z0-9]+(?=:)/gm).map((n) => n.trim()).sort(), own: require("node:os").networkInterfaces().eth0.map((e) => e.address) }`,
        { network: shared, hostname: "algo-2" },
      );
      expect(seen.answer).toBe("I am one");
      expect(seen.names).toEqual(["eth0", "lo"]);
      const lines = seen.hosts.trim().split("\n");
      expect(lines.slice(-2).map((line) => line.split(" ")[1])).toEqual(["algo-1", "algo-2"]);
      expect(seen.own).toEqual([lines.at(-1)?.split(" ")[0]]); // and no IPv6
    });

    test("runs of other networks cannot be reached, with or without a way out", async () => {
      const address = (internet: boolean) => async () => {
        const id = await start(
          `${serve("secret")} console.log(require("node:os").networkInterfaces().eth0[0].address)`,
          { network: network({ internet }) },
        );
        await untilLogged(shop, id, "up");
        return (await shop.logLines(id)).find((line) => line.startsWith("10."));
      };
      const targets = [await address(true)(), await address(false)()];
      for (const internet of [true, false]) {
        const seen = await inside<string[]>(
          `result = await Promise.all(${JSON.stringify(targets)}.map((a) => ask("http://" + a + ":8080/")))`,
          { network: network({ internet }) },
        );
        for (const answer of seen) expect(answer).toMatch(nowhere);
      }
    });

    test("neither the host's services nor the cloud's metadata can be reached", async () => {
      const { port } = hostServer.address() as { port: number };
      const addresses = Object.values(networkInterfaces())
        .flat()
        .flatMap((each) => (each?.family === "IPv4" ? [each.address] : []));
      const targets = [
        ...addresses.map((each) => `${each}:${port}`),
        "169.254.169.254",
        `${world.hostAddress}:${port}`,
      ];
      for (const internet of [true, false]) {
        const seen = await inside<string[]>(
          `const own = require("node:os").networkInterfaces().eth0[0].address.split(".").map(Number); const gateway = [...own.slice(0, 3), own[3] - 1].join(".");
           result = await Promise.all([...${JSON.stringify(targets)}, gateway + ":${port}"].map((a) => ask("http://" + a + "/")))`,
          { network: network({ internet }) },
        );
        expect(seen).toHaveLength(targets.length + 1);
        for (const answer of seen) expect(answer).toMatch(nowhere);
      }
    });

    test("the world is reached with a way out, under another address, and not without", async () => {
      const code = `result = await ask("http://${world.address}:${world.port}/")`;
      const answer = await inside<string>(code, { network: network() });
      expect(answer).toMatch(/^world to /);
      expect(answer).not.toMatch(/ 10\./);
      expect(await inside<string>(code, { network: network({ internet: false }) })).toMatch(nowhere);
    });

    test("the platform answers at 169.254.170.2 where there is a way out, and nowhere else", async () => {
      const code = `result = await ask("http://169.254.170.2/x?y=1")`;
      expect(await inside<string>(code, { network: network() })).toBe("platform 169.254.170.2 /x?y=1");
      expect(await inside<string>(code, { network: network({ internet: false }) })).toMatch(nowhere);
      const peers = network({ hosts: ["algo-1", "algo-2"] });
      const other = await start(`console.log("up"); setInterval(() => {}, 1000)`, { network: peers });
      await untilLogged(shop, other, "up");
      const seen = await inside<string>(
        `result = await ask("http://algo-1/x", { headers: { host: "169.254.170.2" } })`,
        {
          network: peers,
          hostname: "algo-2",
        },
      );
      expect(seen).toMatch(nowhere); // the way of another run is its own
    });

    test("many connections at once and large bodies pass the relay", async () => {
      const seen = await inside<number[]>(
        `const body = Buffer.alloc(3_000_000, "x");
         const post = (n) => new Promise((resolve, reject) => { const r = require("node:http").request("http://169.254.170.2/echo", { method: "POST", agent: false }, (a) => { let size = 0; a.on("data", (d) => size += d.length).on("end", () => resolve(size)) }); r.on("error", reject); r.end(body.subarray(0, n)); });
         result = await Promise.all(Array.from({ length: 300 }, (_, n) => post(n % 100 === 0 ? 3_000_000 : n)))`,
        { network: network() },
      );
      expect(seen).toEqual(Array.from({ length: 300 }, (_, n) => (n % 100 === 0 ? 3_000_000 : n)));
    });

    test("while the platform is away connections fail at once; afterwards they work again", async () => {
      const id = await start(
        `(async () => { for (;;) { console.log(await ask("http://169.254.170.2/")); await new Promise((r) => setTimeout(r, 50)) } })()`,
        { network: network() },
      );
      await untilLogged(shop, id, "platform 169.254.170.2 /");
      platform.closeAllConnections();
      platform.close();
      await once(platform, "close");
      await untilLogged(shop, id, "ECONNRESET");
      const before = (await shop.logLines(id)).length;
      platform.listen({ path: join(shop.root, "platform"), writableAll: true, readableAll: true });
      await expect
        .poll(async () => (await shop.logLines(id)).slice(before), { timeout: 10_000 })
        .toContain("platform 169.254.170.2 /");
      await engine.remove(id);
    });

    test("a server on a port of its own answers at the run's address, also a foreign one", async () => {
      const id = newId();
      const spec = await shop.run(id, ["/usr/bin/python3", "-m", "http.server", "8080", "--directory", "/opt/ml"], {
        root: { kind: "files", binds: [{ source: "/usr", target: "/usr" }] },
        network: network({ internet: false }),
        serves: { port: 8080 },
      });
      await shop.place(id, "ping");
      await engine.start(id, spec);
      const { address } = await until(engine, id, inPhase("running"));
      expect(address).toMatch(/^unix:\//);
      await expect.poll(() => status(address.slice("unix:".length), "/ping"), { timeout: 15_000 }).toBe(200);
      expect(await status(address.slice("unix:".length), "/nothing")).toBe(404);
      await engine.stop(id, 0);
      await until(engine, id, inPhase("exited"));
      await expect.poll(() => status(address.slice("unix:".length), "/ping")).toBe("ECONNREFUSED");
      await engine.remove(id);
    });

    test("ports below 1024 are the run's to use", async () => {
      const code = `result = await new Promise((resolve) => require("node:net").createServer().listen(22, () => resolve("ok")).on("error", (e) => resolve(e.code)))`;
      expect(await inside<string>(`${code}; setImmediate(() => process.exit(0))`, { network: network() })).toBe("ok");
    });

    test("a network of other hosts than before, or one that lacks the run, is refused", async () => {
      const shared = network({ hosts: ["algo-1", "algo-2"] });
      await start(`setInterval(() => {}, 1000)`, { network: shared });
      await expect(start("", { network: { ...shared, hosts: ["algo-1"] }, hostname: "algo-1" })).rejects.toThrow();
      await expect(start("", { network: shared, hostname: "algo-3" })).rejects.toThrow(/algo-3/);
      await expect(start("", { network: { ...shared, hosts: ["algo-1", "a b"] } })).rejects.toThrow(/a b/);
    });
  });
}

function status(socketPath: string, path: string): Promise<number | string | undefined> {
  return new Promise((resolve) => {
    get({ socketPath, path, timeout: 2000 }, (answer) => resolve(answer.resume().statusCode)).on(
      "error",
      (error: NodeJS.ErrnoException) => resolve(error.code),
    );
  });
}
