import { execFileSync } from "node:child_process";
import { chmod, copyFile, mkdir, readdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { standInGpus, standInUuid } from "../../gpus/testkit.ts";
import { silentLog } from "../../log.ts";
import { type Engine, type LayersRoot, RunRefused, type RunSpec } from "../engine.ts";
import { engineContract } from "../engine-contract.ts";
import { openEngine } from "../open-engine.ts";
import { requirements, where } from "../requirements.ts";
import { nodeSupervisor } from "../supervised/supervisor.ts";
import { openRootless, readableCopy, rootlessUid } from "../testkit/rootless.ts";
import { inPhase, until, Workshop } from "../testkit/workshop.ts";
import { escapeChecks } from "./escape-checks.ts";

const { bubblewrap, busybox, nativeSupervisor, root, userNamespaces } = requirements;

where("sandboxes on an image's layers", [bubblewrap, userNamespaces, nativeSupervisor, root], () => {
  engineContract({
    name: "sandboxes on an image's layers",
    root: "layers",
    open: (directory) => openEngine({ directory, kind: "sandbox", log: silentLog }),
  });
});

where("the border of sandboxes on an image's layers", [bubblewrap, userNamespaces, nativeSupervisor, root], () => {
  escapeChecks({
    name: "sandboxes on an image's layers",
    root: "layers",
    open: (directory) => openEngine({ directory, kind: "sandbox", log: silentLog }),
  });
});

where("sandboxes without root on an image's layers", [bubblewrap, userNamespaces, nativeSupervisor, root], () => {
  const { node, probe } = readableCopy();
  const candidate = {
    name: "sandboxes without root on an image's layers",
    root: "layers" as const,
    open: (directory: string) => openRootless({ directory, kind: "sandbox" }),
    owner: rootlessUid,
    ...{ node, probe },
  };
  // What depends on the layers; the rest is the same as on other roots.
  engineContract({ ...candidate, only: "channel" });
  escapeChecks(candidate);
});

where("images without the native supervisor", [bubblewrap, userNamespaces], () => {
  test("a run that was accepted before the supervisor went is refused for good, not tried for ever", async () => {
    const shop = await Workshop.open();
    const options = { directory: shop.engineDirectory, kind: "sandbox" as const, log: silentLog };
    const engine = await openEngine({ ...options, supervisor: nodeSupervisor() });
    try {
      const id = `layers-${process.pid}-refused`;
      const image: LayersRoot = { kind: "layers", layers: [], binds: [], folders: [], mlFolders: [] };
      const start = engine.start(id, await shop.run(id, ["/train"], { root: image }));
      await expect(start).rejects.toThrow(RunRefused);
      await expect(start).rejects.toThrow(/install a C compiler/);
      await engine.remove(id);
      expect(await engine.list()).toEqual([]);
    } finally {
      await engine.close();
      await shop.close();
    }
  });
});

where("images in sandboxes", [bubblewrap, userNamespaces, nativeSupervisor, root, busybox], () => {
  let shop: Workshop;
  let engine: Engine;
  let low: string;
  let high: string;
  let runs = 0;

  beforeAll(async () => {
    shop = await Workshop.open();
    engine = await openEngine({ directory: shop.engineDirectory, kind: "sandbox", log: silentLog });
    [low, high] = [join(shop.root, "low"), join(shop.root, "high")];
    await mkdir(join(low, "bin"), { recursive: true });
    await copyFile(execFileSync("sh", ["-c", "command -v busybox"]).toString().trim(), join(low, "bin", "busybox"));
    for (const name of ["sh", "cat", "ls", "id", "chown", "stat", "su", "mknod", "touch", "rm", "sleep", "test"]) {
      await symlink("busybox", join(low, "bin", name));
    }
    await mkdir(join(low, "data", "hidden"), { recursive: true });
    await writeFile(join(low, "data", "kept"), "low");
    await writeFile(join(low, "data", "gone"), "low");
    await writeFile(join(low, "data", "hidden", "x"), "low");
    await writeFile(join(low, "data", "mine"), "of user 1000", { mode: 0o600 });
    execFileSync("chown", ["1000:1000", join(low, "data", "mine")]);
    await mkdir(join(high, "data", "hidden"), { recursive: true });
    await writeFile(join(high, "data", "hidden", "y"), "high");
    // What an unpacked layer hides, as the supervisor's own command makes it.
    const list = join(shop.root, "marks");
    await writeFile(
      list,
      ["whiteout", join(high, "data", "gone"), "opaque", join(high, "data", "hidden"), ""].join("\0"),
    );
    execFileSync(nativeProgram(), ["mark", list]);
    // An image may have links where we mount: they must not lead out of it.
    await symlink("/root", join(high, "opt"));
    await symlink("../../../../../../../../etc", join(high, "etc"));
  });
  afterAll(async () => {
    for (const id of await engine.list()) await engine.remove(id);
    await engine.close();
    await shop.close();
  });

  async function run(script: string, changes: Partial<LayersRoot> = {}, resources: RunSpec["resources"] = {}) {
    const id = `layers-${process.pid}-${runs++}`;
    const image: LayersRoot = {
      kind: "layers",
      layers: [low, high],
      binds: [],
      folders: [],
      mlFolders: [],
      ...changes,
    };
    await mkdir(join(shop.mlDirectory(id), "model"), { recursive: true });
    const spec = await shop.run(id, ["/bin/sh", "-c", script], {
      root: image,
      environment: { PATH: "/bin" },
      resources,
    });
    await engine.start(id, spec);
    const { exitCode } = await until(engine, id, inPhase("exited"));
    return { exitCode, lines: await shop.logLines(id), ml: shop.mlDirectory(id) };
  }

  test("a higher layer hides what it whites out, and is written to only in private", async () => {
    const script =
      "ls data data/hidden; echo changed > data/kept; cat data/kept; echo new > /data/new; rm -r /bin/stat; ls /opt /etc";
    for (let n = 0; n < 2; n++) {
      const { lines, exitCode } = await run(script);
      expect(exitCode).toBe(0);
      expect(lines).toEqual([
        ...["data:", "hidden", "kept", "mine", "", "data/hidden:", "y", "changed"],
        ...["/etc:", "hostname", "hosts", "", "/opt:", "ml"],
      ]);
    }
    expect(await readFile(join(low, "data", "kept"), "utf8")).toBe("low");
  });

  test("the image's own users are users: files are theirs, and root may become one of them", async () => {
    const { lines } = await run(
      `id -u; stat -c %u /data/mine; touch /opt/ml/root; chown 33:33 /opt/ml/root; echo 'www:x:33:33::/:/bin/sh' > /etc/passwd; su www -c 'id -u; cat /data/mine; touch /opt/ml/other'; mknod /tmp/d b 8 0`,
    );
    expect(lines[0]).toBe("0");
    expect(lines[1]).toBe("1000");
    expect(lines[2]).toBe("33");
    expect(lines.slice(3).join("\n")).toMatch(
      /mine.*Permission denied[\s\S]*other.*Permission denied[\s\S]*d.*not permitted/,
    );
  });

  test("a user of the image's choice starts it and can write where a job must", async () => {
    const user = { uid: 1000, gid: 1000 };
    const { lines, ml, exitCode } = await run(
      "id -u; id -g; cat /data/mine; echo; echo 1 > /opt/ml/result; echo 2 > /tmp/x; touch /bin/x",
      { user },
    );
    expect(lines.slice(0, 3)).toEqual(["1000", "1000", "of user 1000"]);
    expect(lines[3]).toMatch(/Permission denied/);
    expect(exitCode).toBe(1);
    const about = await stat(join(ml, "result"));
    expect(about.uid).toBeGreaterThanOrEqual(0x60000000);
    expect(about.uid % 65_536).toBe(1000);
  });

  test("what the image has below /opt/ml is seen beside what the run has, and hidden by it", async () => {
    await mkdir(join(low, "opt", "ml", "code"), { recursive: true });
    await writeFile(join(low, "opt", "ml", "code", "train.py"), "code");
    await mkdir(join(low, "opt", "ml", "model"), { recursive: true });
    await writeFile(join(low, "opt", "ml", "model", "baked"), "");
    const { lines, ml } = await run("cat /opt/ml/code/train.py; echo; touch /opt/ml/code/x; ls /opt/ml /opt/ml/model", {
      layers: [low],
      mlFolders: ["code", "model"],
    });
    expect(lines).toEqual(["code", "/opt/ml:", "code", "model", "", "/opt/ml/model:"]);
    expect(await readdir(join(ml, "code"))).toEqual([]);
  });

  test("GPUs: their device files, and the host's driver where programs of the image find it", async () => {
    // The supervisor has the new root at its /tmp.
    const machine = standInGpus(2, "/dev/shm");
    try {
      const gpus = machine.gpus.forRun([standInUuid(0)]);
      const script = `ls /dev/nvidia*; cat /dev/nvidia1; ls /opt/sagebrush/nvidia/lib; cat $LD_LIBRARY_PATH/libcuda.so.1; nvidia-smi`;
      machine.say("a program of the host\n");
      const { lines, exitCode } = await run(script, {}, { gpus });
      expect(lines).toEqual([
        ...["/dev/nvidia-uvm", "/dev/nvidia1", "/dev/nvidiactl", "device 1"],
        ...["libcuda.so.1", "libnvidia-ml.so.1", "libcuda.so.1 of the host", "a program of the host"],
      ]);
      expect(exitCode).toBe(0);
    } finally {
      machine.remove();
    }
  });

  test("a working directory that the image lacks is made", async () => {
    expect((await run("ls -d /srv/app", { folders: ["/srv/app"] })).lines).toEqual(["/srv/app"]);
  });

  test("a program that is not there, and a layer that is not there, end with a word about it", async () => {
    expect(await run("exec /nothing")).toMatchObject({ exitCode: 127 });
    await expect(run("true", { layers: [join(shop.root, "missing")] })).rejects.toThrow(/layer .*missing/);
    await chmod(join(low, "data"), 0o755);
  });
});

function nativeProgram(): string {
  return join(import.meta.dirname, "../../../.build/native/sagebrush-supervisor");
}
