import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import type { RunSpec } from "../engine.ts";
import { requirements, where } from "../requirements.ts";
import { engineFolders, readSupervisor } from "../supervised/run-folder.ts";
import { sandboxShop } from "../testkit/sandbox-shop.ts";
import { inPhase, until, untilLogged } from "../testkit/workshop.ts";

const { bubblewrap, nativeSupervisor, memoryControlGroups, userNamespaces } = requirements;
const MiB = 2 ** 20;

where("limits", [bubblewrap, userNamespaces, nativeSupervisor, memoryControlGroups], () => {
  const on = sandboxShop();

  const runToEnd = async (id: string, code: string, changes: Partial<RunSpec>) => {
    await on.engine.start(id, await on.shop.script(id, code, changes));
    return until(on.engine, id, inPhase("exited"));
  };
  const eat = `const kept = []; for (;;) kept.push(Buffer.alloc(${10 * MiB}, 1));`;

  test("this host's limits are known", () => {
    expect(on.engine.capabilities).toMatchObject({ isolation: true, memoryLimit: true, cpuLimit: true });
  });

  test("a run that takes more than its memory ends as out of memory", async () => {
    const ended = await runToEnd("eats", eat, { resources: { memoryBytes: 200 * MiB } });
    expect(ended).toMatchObject({ exitCode: 137, reason: "out-of-memory" });
  });

  test("memory of /tmp counts", async () => {
    const fill = `const b = Buffer.alloc(${10 * MiB}, 1); for (let i = 0; ; i++) fs.writeFileSync("/dev/shm/" + i, b);`;
    const ended = await runToEnd("fills", fill, { resources: { memoryBytes: 200 * MiB } });
    expect(ended.exitCode).not.toBe(0); // full at half of the memory, or killed for all of it
  });

  test("a run whose child was killed for memory may go on", async () => {
    const code = `const r = require("node:child_process").spawnSync(process.execPath, ["-e", ${JSON.stringify(eat)}]); console.log(r.signal)`;
    const ended = await runToEnd("forgives", code, { resources: { memoryBytes: 300 * MiB } });
    expect(ended).toMatchObject({ exitCode: 0 });
    expect(ended).not.toHaveProperty("reason");
    expect(await on.shop.logLines("forgives")).toEqual(["SIGKILL"]);
  });

  test("exit code 137 alone is not out of memory", async () => {
    const ended = await runToEnd("pretends", `process.exit(137)`, { resources: { memoryBytes: 500 * MiB } });
    expect(ended).toEqual(expect.not.objectContaining({ reason: "out-of-memory" }));
  });

  test("limits and weights reach the kernel, and the group goes with the run", async () => {
    await on.engine.start(
      "weighs",
      await on.shop.script("weighs", `console.log("up"); setInterval(() => {}, 1000)`, {
        resources: { memoryBytes: 300 * MiB, cpus: 0.5, cpuWeight: 300 },
      }),
    );
    await untilLogged(on.shop, "weighs", "up");
    const read = (path: string) => readFileSync(path, "utf8").trim();
    const [one, two] = [
      groupOf("/sys/fs/cgroup/cpu/sagebrush", "weighs"),
      groupOf("/sys/fs/cgroup/sagebrush", "weighs"),
    ];
    if (one !== undefined) {
      expect(read(`${one}/cpu.shares`)).toBe("3072");
      expect(read(`${one}/cpu.cfs_quota_us`)).toBe("50000");
      expect(read(`${one.replace("/cpu/", "/memory/")}/memory.limit_in_bytes`)).toBe(String(300 * MiB));
    } else {
      expect(read(`${two}/cpu.weight`)).toBe("300");
      expect(read(`${two}/cpu.max`)).toBe("50000 100000");
      expect(read(`${two}/memory.max`)).toBe(String(300 * MiB));
    }
    await on.engine.remove("weighs");
    for (const base of ["/sys/fs/cgroup/cpu", "/sys/fs/cgroup/memory", "/sys/fs/cgroup/unified", "/sys/fs/cgroup"]) {
      expect(groupOf(`${base}/sagebrush`, "weighs")).toBeUndefined();
    }
  });

  test("a supervisor is in no group that ends with the server, and is small", async () => {
    await on.engine.start("small", await on.shop.script("small", `console.log("up"); setInterval(() => {}, 1000)`));
    await untilLogged(on.shop, "small", "up");
    const supervisor = readSupervisor(engineFolders(on.shop.engineDirectory), "small");
    const status = readFileSync(`/proc/${supervisor?.pid}/status`, "utf8");
    expect(Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1])).toBeLessThan(2048);
    const groups = readFileSync(`/proc/${supervisor?.pid}/cgroup`, "utf8").split("\n");
    for (const line of groups.filter((each) => /^0::|name=systemd/.test(each)))
      expect(line).toContain("sagebrush/supervisors");
    await on.engine.remove("small");
  });

  function groupOf(folder: string, id: string): string | undefined {
    try {
      const name = readdirSync(folder).find((each) => each.endsWith(`-${id}`));
      return name === undefined ? undefined : `${folder}/${name}`;
    } catch {
      return undefined; // no such hierarchy here
    }
  }
});
