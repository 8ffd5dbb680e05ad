import { execFileSync } from "node:child_process";
import { lstat, mkdir, readFile, readlink, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Engine, RunSpec } from "../engine.ts";
import type { Candidate } from "../engine-contract.ts";
import { inPhase, until, untilLogged, Workshop } from "../testkit/workshop.ts";

const builtProbe = fileURLToPath(new URL("../../../.build/native/escape-probe", import.meta.url));

const refusedByFilter = (
  "unshare-user unshare-mount clone-user clone-net setns mount umount open_tree fsopen mount_setattr pivot_root chroot " +
  "mknod-block mknod-ml keyctl add_key request_key io_uring_setup bpf perf_event_open ptrace process_vm_readv kcmp " +
  "userfaultfd swapon open_by_handle_at sethostname init_module kexec_load syslog quotactl tiocsti tiocsti-high socket-raw"
).split(" ");

/** System calls that must fail, and how. `native/escape-probe/probe.c` makes them. */
const refusals: Readonly<Record<string, string>> = {
  "kill-host": "ESRCH",
  ...Object.fromEntries(refusedByFilter.map((name) => [name, "EPERM"])),
  clone3: "ENOSYS",
  ...Object.fromEntries(
    ["vsock", "packet", "alg", "key", "xdp", "rds", "tipc"].map((family) => [`socket-${family}`, "EAFNOSUPPORT"]),
  ),
};
/** What ordinary programs need. */
const permissions = ["socket-unix", "socket-inet"];

/** Tries to leave a sandbox by every known way. Numbers in the names are those of the list this was made from. */
export function escapeChecks(candidate: Candidate & { readonly probe?: string }): void {
  describe(`escapes: ${candidate.name}`, () => {
    let shop: Workshop;
    let engine: Engine;
    let count = 0;
    beforeAll(async () => {
      shop = await Workshop.open(candidate.owner, candidate.node, candidate.root);
      engine = await candidate.open(shop.engineDirectory);
    });
    afterAll(async () => {
      for (const id of await engine.list()) await engine.remove(id);
      await engine.close();
      await shop.close();
    });

    const onHostTools = candidate.root === "host-tools";
    // An image's root is the run's own: writable, its /tmp on the disk, and as root it has ids to give its files to.
    const onLayers = candidate.root === "layers";
    const capabilities = onLayers && candidate.owner === undefined ? "4fb" : "";
    const newId = () => `escape-${process.pid}-${count++}`;
    /** What `code` leaves in `result`, run inside. */
    const inside = async <T>(code: string, changes: Partial<RunSpec> = {}): Promise<T> => {
      const id = newId();
      const script = `const attempt = (f) => { try { return f() ?? "ok" } catch (e) { return e.code ?? e.message } };
        (async () => { let result; ${code}; console.log(JSON.stringify(result)) })()`;
      await engine.start(id, await shop.script(id, script, changes));
      await until(engine, id, inPhase("exited"));
      const lines = await shop.logLines(id);
      return JSON.parse(lines.at(-1) ?? "") as T;
    };

    test("1, 2: the host's files and folders do not exist", async () => {
      const secrets = ["/etc/shadow", "/home", "/run", "/sys", "/boot", "/proc/1/root/etc/shadow"];
      const keys = ["/root/.ssh", "/root/.aws", "/etc/ssl/private", "/etc/ssh", "/etc/gshadow", "/etc/machine-id"];
      const places = [
        ...secrets,
        ...keys,
        ...(onHostTools ? ["/var/lib", "/var/run", "/var/log"] : ["/root", "/var"]),
        shop.root,
        join(shop.root, "objects"),
        fileURLToPath(import.meta.url),
        "/dev/sda",
        "/dev/vda",
      ];
      const seen = await inside<string[]>(
        `result = ${JSON.stringify(places)}.map((p) => attempt(() => fs.statSync(p) && "there"))`,
      );
      for (const [index, place] of places.entries())
        expect([place, seen[index]]).toEqual([place, expect.stringMatching(/ENOENT|EACCES/)]);
    });

    test("1: the root holds the minimal tree and nothing else", async () => {
      const seen = await inside<string[][]>(
        `result = ["/", "/opt", "/etc", "/usr"].map((p) => fs.readdirSync(p).sort())`,
      );
      expect(seen[1]).toEqual(["ml", "sagebrush"]);
      if (onHostTools) {
        const roots = "bin dev etc lib lib32 lib64 libx32 opt proc root sbin tmp usr var".split(" ");
        expect(seen[0]?.filter((name) => !roots.includes(name))).toEqual([]);
        expect(await inside<string[]>(`result = fs.readdirSync("/root")`)).toEqual([]);
        expect(await inside<string[]>(`result = fs.readdirSync("/etc/ssl").sort()`)).not.toContain("private");
        return;
      }
      expect(seen[0]).toEqual(["bin", "dev", "etc", "lib", "lib64", "opt", "proc", "tmp", "usr"]);
      expect(
        seen[2]?.filter((name) => !["group", "hosts", "hostname", "nsswitch.conf", "passwd", "ssl"].includes(name)),
      ).toEqual([]);
      expect(seen[3]?.filter((name) => !["bin", "lib", "lib64", "share"].includes(name))).toEqual([]);
    });

    test("3: beside /opt/ml there are only bound names, and a job's folder is closed to the users of others", async () => {
      expect(await inside<string[]>(`result = fs.readdirSync("/opt/ml/..").sort()`)).toEqual(["ml", "sagebrush"]);
      const [one, two] = [newId(), newId()];
      for (const id of [one, two])
        await engine.start(id, await shop.script(id, `fs.writeFileSync(ml + "/mine", "1", { mode: 0o600 })`));
      for (const id of [one, two]) await until(engine, id, inPhase("exited"));
      const [mine, other] = await Promise.all([one, two].map((id) => lstat(join(shop.mlDirectory(id), "mine"))));
      if (candidate.owner !== undefined || process.geteuid?.() !== 0) {
        expect(mine?.uid).toBe(other?.uid); // without root there is one user for all
        return;
      }
      expect(mine?.uid).not.toBe(other?.uid);
      expect(mine?.uid).toBeGreaterThanOrEqual(0x40000000);
      const read = () =>
        execFileSync("cat", [join(shop.mlDirectory(two), "mine")], {
          uid: mine?.uid ?? 0,
          gid: mine?.gid ?? 0,
          stdio: "pipe",
        });
      expect(read).toThrow(/Permission denied/);
    });

    test("4: no process of the host is visible", async () => {
      const ids = await inside<number[]>(
        `result = fs.readdirSync("/proc").filter((n) => /^\\d+$/.test(n)).map(Number)`,
      );
      expect(ids.sort((a, b) => a - b)).toEqual([1, 2]);
    });

    test("5, 7, 8, 10, 12, 13, 14, 15: dangerous system calls are refused; three descriptors are open", async () => {
      const id = newId();
      const spec = await shop.run(id, ["/opt/sagebrush/bin/probe", String(process.pid)]);
      const binds = [{ source: candidate.probe ?? builtProbe, target: "/opt/sagebrush/bin/probe" }];
      await engine.start(id, { ...spec, root: { ...spec.root, binds } });
      expect(await until(engine, id, inPhase("exited"))).toMatchObject({ exitCode: 0 });
      const lines = await shop.logLines(id);
      expect(lines.filter((line) => line.startsWith("descriptor"))).toEqual([
        "descriptor 0",
        "descriptor 1",
        "descriptor 2",
      ]);
      const outcomes = Object.fromEntries(
        lines.filter((line) => !line.startsWith("descriptor")).map((line) => line.split(" ")),
      );
      expect(outcomes).toMatchObject(refusals);
      for (const name of permissions) expect([name, outcomes[name]]).toEqual([name, "ok"]);
      if (process.arch === "x64") expect(outcomes["x32"]).toBe("ENOSYS");
    });

    test("6: no capabilities but those over its own ids, no new privileges, a system call filter; files belong to the run's user", async () => {
      const seen = await inside<{ status: string; uid: number }>(
        `fs.writeFileSync("/opt/ml/made", ""); result = { status: fs.readFileSync("/proc/self/status", "utf8"), uid: process.getuid() }`,
      );
      for (const set of ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"])
        expect(seen.status).toMatch(new RegExp(`${set}:\\t0+${capabilities}\\n`));
      expect(seen.status).toMatch(/NoNewPrivs:\t1\n/);
      expect(seen.status).toMatch(/Seccomp:\t2\n/);
      expect(seen.uid).toBe(0);
      const { uid } = await lstat(join(shop.mlDirectory(`escape-${process.pid}-${count - 1}`), "made"));
      expect(uid).not.toBe(0);
      if (candidate.owner !== undefined) expect(uid).toBe(candidate.owner);
    });

    test("9: the root, programs and kernel settings cannot be written", async () => {
      const places = [
        "/x",
        "/usr/x",
        "/usr/lib/x",
        "/etc/passwd",
        "/opt/x",
        "/opt/sagebrush/bin/node",
        "/proc/sys/kernel/core_pattern",
      ].filter((place) => !onLayers || /sagebrush|proc/.test(place));
      const seen = await inside<string[]>(
        `result = ${JSON.stringify(places)}.map((p) => attempt(() => fs.writeFileSync(p, "x")))`,
      );
      for (const [index, place] of places.entries()) {
        expect([place, seen[index]]).toEqual([place, expect.stringMatching(/EROFS|EACCES|EPERM|ETXTBSY/)]);
      }
    });

    test("11: every mount but /dev ignores set-user-id bits", async () => {
      const mounts = await inside<string>(`result = fs.readFileSync("/proc/self/mountinfo", "utf8")`);
      const exposed = mounts
        .trim()
        .split("\n")
        .map((line) => line.split(" "));
      expect(exposed.length).toBeGreaterThan(10);
      expect(exposed.filter((fields) => !fields[4]?.startsWith("/dev") && !fields[5]?.includes("nosuid"))).toEqual([]);
    });

    test("12: there is no network but the run's own loopback", async () => {
      const server = createServer().listen(0, "0.0.0.0");
      await new Promise((resolve) => server.once("listening", resolve));
      try {
        const { port } = server.address() as { port: number };
        const host = Object.values(networkInterfaces())
          .flat()
          .find((each) => each?.family === "IPv4" && !each.internal)?.address;
        const addresses = ["127.0.0.1", "169.254.169.254", ...(host === undefined ? [] : [host])];
        const seen = await inside<{ interfaces: string[]; sockets: string; attempts: string[] }>(`
          const connect = (host) => new Promise((resolve) => require("node:net").connect(${port}, host, () => resolve("reached")).on("error", (e) => resolve(e.code)));
          result = { interfaces: fs.readFileSync("/proc/net/dev", "utf8").split("\\n").filter((l) => l.includes(":")).map((l) => l.split(":")[0].trim()),
            sockets: fs.readFileSync("/proc/net/unix", "utf8"), attempts: await Promise.all(${JSON.stringify(addresses)}.map(connect)) }`);
        expect(seen.interfaces).toEqual(["lo"]);
        expect(
          seen.sockets
            .trim()
            .split("\n")
            .filter((line) => line.includes("/")),
        ).toEqual([]);
        for (const outcome of seen.attempts) expect(outcome).toMatch(/ECONNREFUSED|ENETUNREACH/);
      } finally {
        server.close();
      }
    });

    test("16, 17, 18: no environment, shared memory or control group of the host shows", async () => {
      const seen = await inside<{ names: string[]; shared: string; groups: string; hostname: string }>(`
        result = { names: Object.keys(process.env).sort(), shared: fs.readFileSync("/proc/sysvipc/shm", "utf8"),
          groups: fs.readFileSync("/proc/self/cgroup", "utf8"), hostname: require("node:os").hostname() }`);
      const home = onHostTools ? ["HOME"] : [];
      expect(seen.names).toEqual([...home, "PWD", "SAGEBRUSH_CPUS", "SAGEBRUSH_MEMORY_BYTES"]);
      expect(seen.shared.trim().split("\n")).toHaveLength(1);
      for (const line of seen.groups.trim().split("\n")) expect(line).toMatch(/:\/$/);
      expect(seen.hostname).toBe("algo-1");
    });

    test("16: a loader variable of the run does not reach bubblewrap", async () => {
      const library = join(shop.mlDirectory("x"), "evil.so");
      const names = await inside<string[]>(`result = Object.keys(process.env)`, {
        environment: { LD_PRELOAD: library },
      });
      expect(names).toContain("LD_PRELOAD"); // inside it is the run's own business
      const log = await readFile(shop.logFile(`escape-${process.pid}-${count - 1}`), "utf8");
      expect(log.match(/evil\.so/g)).toHaveLength(1); // the loader of the run complains, that of bubblewrap has not seen it
    });

    test("19: a link that a run leaves leads nowhere inside, and stays a link outside", async () => {
      const id = newId();
      const code = `fs.symlinkSync("/etc/shadow", ml + "/model"); try { fs.readFileSync(ml + "/model") } catch (e) { console.log(e.code) }`;
      await engine.start(id, await shop.script(id, code));
      await until(engine, id, inPhase("exited"));
      expect(await shop.logLines(id)).toEqual(["ENOENT"]);
      expect(await readlink(join(shop.mlDirectory(id), "model"))).toBe("/etc/shadow");
      // Giving the folder to the run's user again must not follow it.
      const owner = await lstat("/etc/shadow");
      await engine.remove(id);
      const again = newId();
      const spec = await shop.script(again, `console.log("ran")`);
      await symlink("/etc/shadow", join(shop.mlDirectory(again), "link"));
      await engine.start(again, spec);
      await until(engine, again, inPhase("exited"));
      expect((await lstat("/etc/shadow")).uid).toBe(owner.uid);
    });

    test("19: no hard link to anything outside can be made, nor out of a channel", async () => {
      const train = await shop.channel("/opt/ml/input/data/train", { a: "1" });
      const seen = await inside<string[]>(
        `result = [["/opt/sagebrush/bin/node", "/opt/ml/l1"], ["/opt/ml/input/data/train/a", "/opt/ml/l2"], ["/etc/passwd", "/tmp/l3"]].map(([a, b]) => attempt(() => fs.linkSync(a, b)))`,
        { channels: [train] },
      );
      expect(onLayers ? seen.slice(0, 2) : seen).toEqual(["EXDEV", "EXDEV", ...(onLayers ? [] : ["EXDEV"])]);
    });

    test("20: revealing files of /proc cannot be read", async () => {
      const places = [
        "/proc/keys",
        "/proc/key-users",
        "/proc/timer_list",
        "/proc/kallsyms",
        "/proc/config.gz",
        "/proc/kcore",
      ];
      const seen = await inside<string[]>(
        `result = ${JSON.stringify(places)}.map((p) => attempt(() => fs.readFileSync(p).length))`,
      );
      for (const [index, place] of places.entries())
        expect([place, seen[index]]).toEqual([place, expect.stringMatching(/EACCES|ENOENT|EPERM/)]);
    });

    test("21: a read-only channel refuses changes", async () => {
      const model = await shop.channel("/opt/ml/model", { "model.bin": "weights" }, true);
      const seen = await inside<string[]>(
        `const f = "/opt/ml/model/model.bin"; result = [fs.readFileSync(f, "utf8"), attempt(() => fs.writeFileSync(f, "x")), attempt(() => fs.unlinkSync(f)), attempt(() => fs.writeFileSync("/opt/ml/model/new", "x"))]`,
        { channels: [model] },
      );
      expect(seen).toEqual(["weights", "EROFS", "EROFS", "EROFS"]);
    });

    test("/tmp and /dev/shm are private, writable and limited", async () => {
      const seen = await inside<number[]>(
        `fs.writeFileSync("/tmp/a", "1"); fs.writeFileSync("/dev/shm/a", "1"); result = ["/tmp", "/dev/shm"].map((p) => { const s = fs.statfsSync(p); return s.blocks * s.bsize })`,
        { resources: { memoryBytes: 512 * 1024 * 1024 } },
      );
      expect(onLayers ? seen.slice(1) : seen).toEqual(
        Array.from({ length: onLayers ? 1 : 2 }, () => 256 * 1024 * 1024),
      );
      expect(await inside(`result = fs.existsSync("/tmp/a")`)).toBe(false);
    });

    test("secrets of the environment are on no command line", async () => {
      const id = newId();
      const secret = `secret-${process.pid}-${Math.random()}`;
      const spec = await shop.script(id, `console.log("up"); setInterval(() => {}, 1000)`, {
        environment: { TOKEN: secret },
      });
      await engine.start(id, spec);
      await untilLogged(shop, id, "up");
      expect(execFileSync("ps", ["-eww", "-o", "args"], { encoding: "utf8" })).not.toContain(secret);
      await engine.remove(id);
    });

    test("the engine's own files are out of reach of a run", async () => {
      await mkdir(join(shop.engineDirectory, "x"), { recursive: true });
      await writeFile(join(shop.engineDirectory, "x", "note"), "1");
      const mounts = await inside<string>(`result = fs.readFileSync("/proc/self/mounts", "utf8")`);
      expect(mounts).not.toContain("objects");
      expect(
        await inside(
          `result = attempt(() => fs.readFileSync(${JSON.stringify(join(shop.engineDirectory, "x", "note"))}))`,
        ),
      ).toBe("ENOENT");
    });
  });
}
