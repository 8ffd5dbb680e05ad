import { chmod, chown, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { requirements, where } from "../requirements.ts";
import { sandboxShop } from "../testkit/sandbox-shop.ts";
import { inPhase, until } from "../testkit/workshop.ts";

const { bubblewrap, nativeSupervisor, userNamespaces, root: asRoot } = requirements;
/** Somebody who is neither root nor a run's user. */
const owner = { uid: 12_345, gid: 23_456 };

where("host directories of another user", [bubblewrap, userNamespaces, nativeSupervisor, asRoot], () => {
  const on = sandboxShop();

  test("a run acts as their owner, and as nobody else", async () => {
    const folder = await on.shop.sharedFolder({ "mine/file": "theirs", "other/file": "secret" });
    for (const name of ["mine", "mine/file"]) await chown(join(folder, name), owner.uid, owner.gid);
    await chown(folder, owner.uid, owner.gid);
    for (const name of [".", "mine", "other"]) await chmod(join(folder, name), 0o700);
    const code = `
      const at = ml + "/input/data/train/";
      fs.appendFileSync(at + "mine/file", ", changed");
      fs.writeFileSync(at + "mine/new", "");
      try { fs.readFileSync(at + "other/file"); console.log("read"); } catch (e) { console.log(e.code); }`;
    const mounts = [{ root: folder, path: "", target: "/opt/ml/input/data/train", readOnly: false }];
    await on.engine.start("t-owner", await on.shop.script("t-owner", code, { mounts }));
    await until(on.engine, "t-owner", inPhase("exited"));
    expect(await on.shop.logLines("t-owner")).toEqual(["EACCES"]);
    expect(await readFile(join(folder, "mine/file"), "utf8")).toBe("theirs, changed");
    expect(await stat(join(folder, "mine/new"))).toMatchObject(owner);
  });
});
