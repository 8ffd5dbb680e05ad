/** A server in small: starts the run that it reads from its input, says so, and stays. Tests kill it. */
import { text } from "node:stream/consumers";
import { silentLog } from "../../log.ts";
import type { RunSpec } from "../engine.ts";
import { type EngineOptions, openEngine } from "../open-engine.ts";

interface Request {
  readonly directory: string;
  readonly kind: EngineOptions["kind"];
  readonly id: string;
  readonly spec: RunSpec;
}

const { directory, kind, id, spec } = JSON.parse(await text(process.stdin)) as Request;
const engine = await openEngine({ directory, kind, log: silentLog });
await engine.start(id, spec);
process.stdout.write("started\n");
setInterval(() => undefined, 1000);
