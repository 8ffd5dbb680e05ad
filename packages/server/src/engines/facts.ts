import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLog } from "../log.ts";
import { EngineUnavailable } from "./engine.ts";
import { openEngine } from "./open-engine.ts";
import { findBubblewrap } from "./sandbox/bubblewrap.ts";
import { removeTree } from "./supervised/remove-tree.ts";
import { nativeSupervisor } from "./supervised/supervisor.ts";

/** One line of `sagebrush doctor`. */
export interface EngineFact {
  readonly state: "ok" | "missing" | "problem";
  readonly what: string;
  /** What its absence costs, and what to do. */
  readonly cost?: string;
}

/** What this host has for running jobs, found out by a trial run in a temporary folder. */
export async function engineFacts(kind: "auto" | "sandbox" | "process"): Promise<EngineFact[]> {
  return [...programFacts(), ...(await trialFacts(kind))];
}

function programFacts(): EngineFact[] {
  if (process.platform !== "linux") return [];
  const bubblewrap = findBubblewrap();
  return [
    bubblewrap !== undefined
      ? { state: "ok", what: `bubblewrap (${bubblewrap})` }
      : {
          state: "missing",
          what: "bubblewrap",
          cost: "Jobs run as plain processes without isolation. Debian: apt-get install bubblewrap.",
        },
    nativeSupervisor() !== undefined
      ? { state: "ok", what: "native supervisor" }
      : {
          state: "missing",
          what: "native supervisor (no C compiler was found at set-up)",
          cost: "Every run costs 50 MB more, starts 0.2 s later, has no limits and copies its input. Install a compiler, run set-up again.",
        },
  ];
}

async function trialFacts(kind: "auto" | "sandbox" | "process"): Promise<EngineFact[]> {
  const directory = await mkdtemp(join(tmpdir(), "sagebrush-doctor-"));
  try {
    const engine = await openEngine({ directory, kind, log: silentLog });
    await engine.close();
    const { isolation, notices } = engine.capabilities;
    const cost = notices.map((notice) => `${notice}.`).join("\n         ");
    const what = isolation ? "runs are isolated in sandboxes" : "no isolation of runs";
    return [{ state: isolation ? "ok" : "missing", what, ...(cost === "" ? {} : { cost }) }];
  } catch (error) {
    if (!(error instanceof EngineUnavailable)) throw error;
    return [{ state: "problem", what: "the sandbox engine, which the configuration asks for", cost: error.message }];
  } finally {
    await removeTree(directory);
  }
}
