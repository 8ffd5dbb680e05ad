import { link, mkdir, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { silentLog } from "../../log.ts";
import type { ChannelFile, Engine } from "../engine.ts";
import { engineContract } from "../engine-contract.ts";
import { openEngine } from "../open-engine.ts";
import { requirements, where } from "../requirements.ts";
import { engineFolders, readStarted } from "../supervised/run-folder.ts";
import { openRootless, readableCopy, rootlessUid } from "../testkit/rootless.ts";
import { inPhase, until, Workshop } from "../testkit/workshop.ts";

const { bubblewrap, nativeSupervisor, root, userNamespaces } = requirements;

where("large channels", [bubblewrap, userNamespaces, nativeSupervisor], () => {
  let shop: Workshop;
  let engine: Engine;
  beforeEach(async () => {
    shop = await Workshop.open();
    engine = await openEngine({ directory: shop.engineDirectory, kind: "sandbox", log: silentLog });
  });
  afterEach(async () => {
    for (const id of await engine.list()) await engine.remove(id);
    await engine.close();
    await shop.close();
  });

  test("10,000 objects appear by overlay, whole and in place", async () => {
    const files: ChannelFile[] = [];
    for (let n = 0; n < 10_000; n++) {
      const folder = join(shop.root, "objects", String(n % 256));
      if (n < 256) await mkdir(folder, { recursive: true });
      const source = join(folder, `object-${n}`);
      // One link to the same bytes is as good as a file of its own here, and faster to make.
      if (n < 256) await writeFile(source, `row ${n % 256}\n`);
      else await link(join(folder, `object-${n % 256}`), source);
      files.push({ path: `part=${n % 50}/file-${n}.csv`, source, sizeBytes: Buffer.byteLength(`row ${n % 256}\n`) });
    }
    const code = `const d = ml + "/input/data/train"; let n = 0;
      for (const p of fs.readdirSync(d)) for (const f of fs.readdirSync(d + "/" + p)) {
        const k = Number(/\\d+/.exec(f)[0]); if (fs.readFileSync(d + "/" + p + "/" + f, "utf8") === "row " + k % 256 + "\\n") n++ }
      console.log(n)`;
    const channel = { target: "/opt/ml/input/data/train", files, readOnly: false };
    await engine.start("many", await shop.script("many", code, { channels: [channel] }));
    await until(engine, "many", inPhase("exited"));
    expect(readStarted(engineFolders(shop.engineDirectory), "many")?.channels).toBe("data-only");
    expect(await shop.logLines("many")).toEqual(["10000"]);
  });

  test.for([
    ["File", false],
    ["FastFile", true],
  ] as const)("an object of 10 GB appears without being read: %s", async ([, readOnly]) => {
    const channel = await shop.channel("/opt/ml/input/data/train", { "big.bin": "head" });
    const [file] = channel.files;
    const sizeBytes = 10 * 2 ** 30;
    await truncate(file?.source ?? "", sizeBytes); // sparse, but a copy would still take seconds
    const code = `const f = ml + "/input/data/train/big.bin"; const h = fs.openSync(f); const b = Buffer.alloc(4); fs.readSync(h, b, 0, 4, 0); console.log(b.toString(), fs.statSync(f).size)`;
    const files = [{ path: "big.bin", source: file?.source ?? "", sizeBytes }];
    await engine.start("big", await shop.script("big", code, { channels: [{ ...channel, files, readOnly }] }));
    expect(readStarted(engineFolders(shop.engineDirectory), "big")?.channels).toBe("data-only");
    await until(engine, "big", inPhase("exited"));
    expect(await shop.logLines("big")).toEqual([`head ${sizeBytes}`]);
  });

  test.for(["data-only", "hardlink", "copy"] as const)(
    "the form asked for is the form taken: %s",
    async (channelForm) => {
      const options = {
        directory: join(shop.root, channelForm),
        kind: "sandbox",
        log: silentLog,
        channelForm,
      } as const;
      const other = await openEngine(options);
      const channel = await shop.channel("/opt/ml/input/data/train", { a: "1" });
      await other.start("form", await shop.script("form", "", { channels: [channel] }));
      expect(readStarted(engineFolders(options.directory), "form")?.channels).toBe(channelForm);
      await other.remove("form");
      await other.close();
    },
  );

  test("a data directory's name may hold what overlay options use as separators", async () => {
    const odd = join(shop.root, "a,b:c\\d e");
    const other = await openEngine({ directory: join(odd, "engine"), kind: "sandbox", log: silentLog });
    await shop.write(join(odd, "objects", "1"), "odd");
    const files = [{ path: "f", source: join(odd, "objects", "1"), sizeBytes: 3 }];
    const channel = { target: "/opt/ml/input/data/train", files, readOnly: false };
    await other.start(
      "odd",
      await shop.script("odd", `console.log(fs.readFileSync(ml + "/input/data/train/f", "utf8"))`, {
        channels: [channel],
      }),
    );
    expect(readStarted(engineFolders(join(odd, "engine")), "odd")?.channels).toBe("data-only");
    await until(other, "odd", inPhase("exited"));
    expect(await shop.logLines("odd")).toEqual(["odd"]);
    await other.remove("odd");
    await other.close();
  });
});

where("channels by copying", [bubblewrap, userNamespaces, nativeSupervisor], () => {
  engineContract({
    name: "sandboxes with copied channels",
    open: (directory) => openEngine({ directory, kind: "sandbox", log: silentLog, channelForm: "copy" }),
    only: "channel",
  });
});

where("channels by hard links", [bubblewrap, userNamespaces, nativeSupervisor, root], () => {
  engineContract({
    name: "sandboxes with hard-linked channels, as root",
    open: (directory) => openEngine({ directory, kind: "sandbox", log: silentLog, channelForm: "hardlink" }),
    only: "channel",
    writableFiles: false,
  });
  const { node } = readableCopy();
  engineContract({
    name: "sandboxes with hard-linked channels, without root",
    open: (directory) => openRootless({ directory, kind: "sandbox", channelForm: "hardlink" }),
    owner: rootlessUid,
    node,
    only: "channel",
    writableFiles: false,
  });
});
