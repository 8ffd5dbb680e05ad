import { afterAll, beforeAll } from "vitest";
import { silentLog } from "../../log.ts";
import type { Engine } from "../engine.ts";
import { openEngine } from "../open-engine.ts";
import { Workshop } from "./workshop.ts";

/** A workshop and the sandboxes that work in it, while the tests around the call run. */
export interface SandboxShop {
  readonly shop: Workshop;
  readonly engine: Engine;
}

/** Opens both before the tests of a group, and leaves nothing of any run after them. */
export function sandboxShop(): SandboxShop {
  let opened: SandboxShop | undefined;
  const there = (): SandboxShop => {
    if (opened === undefined) throw new Error("The workshop is open only while tests run");
    return opened;
  };
  beforeAll(async () => {
    const shop = await Workshop.open();
    const engine = await openEngine({ directory: shop.engineDirectory, kind: "sandbox", log: silentLog });
    opened = { shop, engine };
  });
  afterAll(async () => {
    const { shop, engine } = there();
    for (const id of await engine.list()) await engine.remove(id);
    await engine.close();
    await shop.close();
  });
  return {
    get shop() {
      return there().shop;
    },
    get engine() {
      return there().engine;
    },
  };
}
