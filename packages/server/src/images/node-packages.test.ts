import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { silentLog } from "../log.ts";
import { NodePackages } from "./node-packages.ts";

test("a package that cannot be installed says why, and leaves nothing behind", async () => {
  const directory = await mkdtemp(join(tmpdir(), "packages-"));
  const packages = new NodePackages({ directory, log: silentLog });
  // A folder that is not there needs no registry to be refused.
  const wanted = { name: "nothing-there", version: "file:nothing-there.tgz" };
  try {
    expect(packages.prepare(wanted)).toEqual({
      state: "preparing",
      message: "installing nothing-there file:nothing-there.tgz",
    });
    await vi.waitFor(
      () => {
        expect(packages.prepare(wanted)).toMatchObject({
          state: "failed",
          reason: expect.stringContaining("nothing-there file:nothing-there.tgz could not be installed: npm"),
        });
      },
      { timeout: 30_000 },
    );
    expect(await readdir(directory)).toEqual([]);
  } finally {
    await packages.close();
    await rm(directory, { recursive: true, force: true });
  }
});
