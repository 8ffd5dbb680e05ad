import { chmod, chown, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { silentLog } from "../../log.ts";
import type { Engine } from "../engine.ts";
import { openEngine } from "../open-engine.ts";
import { requirements, where } from "../requirements.ts";
import { inPhase, until, Workshop } from "../testkit/workshop.ts";

const { bubblewrap, nativeSupervisor, userNamespaces, root: asRoot } = requirements;
/** Somebody who is neither root nor a run's user. */
const owner = { uid: 12_345, gid: 23_456 };

where("host directories of another user", [bubblewrap, userNamespaces, nativeSupervisor, asRoot], () => {
  let shop: Workshop;
  let engine: Engine;
  beforeAll(async () => {
    shop = await Workshop.open();
    engine = await openEngine({ directory: shop.engineDirectory, kind: "sandbox", log: silentLog });
  });
  afterAll(async () => {
    for (const id of await engine.list()) await engine.remove(id);
    await engine.close();
    await shop.close();
  });

  test("a run acts as their owner, and as nobody else", async () => {
    const folder = await shop.sharedFolder({ "mine/file": "theirs", "other/file": "secret" });
    for (const name of ["mine", "mine/file"]) await chown(join(folder, name), owner.uid, owner.gid);
    await chown(folder, owner.uid, owner.gid);
    for (const name of [".", "mine", "other"]) await chmod(join(folder, name), 0o700);
    const code = `
      const at = ml + "/input/data/train/";
      fs.appendFileSync(at + "mine/file", ", changed");
      fs.writeFileSync(at + "mine/new", "");
      try { fs.readFileSync(at + "other/file"); console.log("read"); } catch (e) { console.log(e.code); }`;
    const mounts = [{ root: folder, path: "", target: "/opt/ml/input/data/train", readOnly: false }];
    await engine.start("t-owner", await shop.script("t-owner", code, { mounts }));
    await until(engine, "t-owner", inPhase("exited"));
    expect(await shop.logLines("t-owner")).toEqual(["EACCES"]);
    expect(await readFile(join(folder, "mine/file"), "utf8")).toBe("theirs, changed");
    expect(await stat(join(folder, "mine/new"))).toMatchObject(owner);
  });
});
