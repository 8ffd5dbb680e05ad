import type { RunState } from "../engine.ts";

/** What `GET /containers/ID/json` says, as far as we read it. */
export interface InspectedContainer {
  readonly Id: string;
  readonly State: {
    readonly Status: string;
    readonly Running: boolean;
    readonly Pid: number;
    readonly ExitCode: number;
    readonly OOMKilled: boolean;
    readonly StartedAt: string;
    readonly FinishedAt: string;
  };
  readonly NetworkSettings?: {
    readonly Networks?: Readonly<Record<string, { readonly IPAddress?: string }>> | null;
  };
}

/** A container's state as a run's, but for its address: what became of it, or that it never ran. */
export type ContainerState =
  | { readonly phase: "created" }
  | Extract<RunState, { phase: "exited" | "lost" }>
  | { readonly phase: "running"; readonly startedAt: number };

/** Both engines' words for a container whose process has ended. Podman's `stopped` turns into `exited`. */
const ended = new Set(["exited", "stopped", "dead", "removing", "stopping"]);
const neverRan = new Set(["created", "configured", "initialized"]);

/**
 * Reads a container's state.
 * @param bootAt - When the host was started, in milliseconds since 1970: what ran before and ended after was cut off.
 */
export function containerState({ State: state }: InspectedContainer, bootAt: number): ContainerState {
  const startedAt = Date.parse(state.StartedAt);
  const began = startedAt > 0; // the year 1 stands for never
  if (state.Running || !(ended.has(state.Status) || neverRan.has(state.Status))) {
    return { phase: "running", startedAt };
  }
  // Podman forgets after a restart of the host that a container ran; Docker gives it an end then.
  if (neverRan.has(state.Status)) return began && startedAt < bootAt ? restarted : { phase: "created" };
  const endedAt = Date.parse(state.FinishedAt);
  if (startedAt < bootAt && endedAt >= bootAt) return restarted;
  if (state.Status === "stopping") return { phase: "running", startedAt };
  // Podman's word for a container whose monitor died: nobody knows how it ended.
  if (state.ExitCode < 0 || !(endedAt > 0)) return unknownEnd;
  return {
    phase: "exited",
    startedAt,
    endedAt: Math.max(startedAt, endedAt),
    exitCode: state.ExitCode,
    // The counter also knows children that were killed while the run went on.
    ...(state.OOMKilled && state.ExitCode === 137 && { reason: "out-of-memory" as const }),
  };
}

const restarted: ContainerState = { phase: "lost", reason: "The host was restarted while the run was going on" };
const unknownEnd: ContainerState = {
  phase: "lost",
  reason: "The process that supervises the container ended without leaving an exit status",
};
