/** The far side of `rootless.ts`: an engine in a process of another user, driven by messages. */
import { silentLog } from "../../log.ts";
import type { Engine } from "../engine.ts";
import { openEngine } from "../open-engine.ts";
import { nodeSupervisor } from "../supervised/supervisor.ts";

/** What the far engine is opened with. */
export interface FarOptions {
  readonly directory: string;
  readonly kind: "sandbox" | "process";
  readonly channelForm?: "data-only" | "hardlink" | "copy";
  readonly platformSocket?: string;
  /** Use the TypeScript supervisor. */
  readonly fallback?: boolean;
}

/** A call, with the number its answer carries. */
export interface Call {
  readonly number: number;
  readonly method: "open" | "start" | "observe" | "list" | "stop" | "remove" | "close";
  readonly values: readonly unknown[];
}

/** An answer, or a hint that a run changed. */
export type Message =
  | { readonly number: number; readonly value: unknown }
  | { readonly number: number; readonly error: string }
  | { readonly changed: string };

let engine: Engine | undefined;

async function answer({ method, values }: Call): Promise<unknown> {
  if (method === "open") {
    const { fallback, ...options } = values[0] as FarOptions;
    engine = await openEngine({ ...options, log: silentLog, ...(fallback ? { supervisor: nodeSupervisor() } : {}) });
    engine.watch((changed) => tell({ changed }));
    return { name: engine.name, capabilities: engine.capabilities };
  }
  // The caller's types hold on its side: see `rootless.ts`.
  return (engine as unknown as Record<string, (...values: readonly unknown[]) => unknown>)[method]?.(...values);
}

process.on("message", (call: Call) => {
  answer(call).then(
    (value) => tell({ number: call.number, value }),
    (error: unknown) => tell({ number: call.number, error: error instanceof Error ? error.message : String(error) }),
  );
});

function tell(message: Message): void {
  process.send?.(message);
}
