/**
 * Writes records to the database named by the first argument and prints the name of each transaction once it is
 * acknowledged: one after another (`--count N`), or on many lanes until it is killed.
 */
import { writeSync } from "node:fs";
import { parseArgs } from "node:util";
import { systemClock } from "../../../clock.ts";
import { openSqliteStore } from "../sqlite-store.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { count: { type: "string" }, prefix: { type: "string", default: "" } },
});
const store = await openSqliteStore(positionals[0] ?? "", { clock: systemClock });

if (values.count !== undefined) {
  await lane("one", Number(values.count));
  await store.close();
} else {
  await Promise.all(Array.from({ length: 8 }, (_, index) => lane(String(index), Number.POSITIVE_INFINITY)));
}

/** Each transaction writes two records and counts a third one up, so that a half of it would show. */
async function lane(name: string, count: number): Promise<void> {
  for (let index = 0; index < count; index++) {
    const id = `${values.prefix}${name}-${index}`;
    const key = { account: "1", region: "r", kind: "record" };
    await store.write([
      { op: "create", key: { ...key, name: `left-${id}` }, value: id.repeat(50), status: "New" },
      { op: "create", key: { ...key, name: `right-${id}` }, value: id.repeat(50), status: "New" },
      { op: "put", key: { ...key, kind: "counter", name: `${values.prefix}${name}` }, value: index },
    ]);
    writeSync(1, `${id}\n`);
  }
}
