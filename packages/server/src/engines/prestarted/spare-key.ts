import { createHash } from "node:crypto";
import { type Channel, type Engine, isIsolated, type RunSpec } from "../engine.ts";

/** Where a model's files are, the one thing that a spare lacks. */
const modelFolder = "/opt/ml/model";
/** More files than this take longer to lay out than a process takes to start. */
const mostFiles = 200;

/**
 * What runs have in common that one spare can stand in for: everything but the model. `undefined` for a run that none can: its
 * spec names no one whom it is for, it is no server of a built-in algorithm, or it has more than a model.
 */
export function spareKey(engine: Engine, spec: RunSpec): string | undefined {
  const { inAdvanceFor, root, serves, channels, mounts = [], scratch, network, command, environment } = spec;
  if (inAdvanceFor === undefined || root.kind !== "files" || !isIsolated(engine, root.kind)) return undefined;
  if (!serves || !("socket" in serves) || network.kind !== "none") return undefined;
  if (mounts.length > 0 || scratch !== undefined || spec.resources.gpus !== undefined) return undefined;
  if (modelChannel(channels) === undefined) return undefined;
  const { workingDirectory, hostname, resources, maxLogBytes } = spec;
  const parts = [inAdvanceFor, root, command, workingDirectory, environment, hostname, resources, maxLogBytes];
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex");
}

/** The model, when it is all that a run is given. */
export function modelChannel(channels: readonly Channel[]): Channel | undefined {
  const [model, ...others] = channels;
  if (model === undefined || others.length > 0 || model.target !== modelFolder || !model.readOnly) return undefined;
  return model.files.length <= mostFiles ? model : undefined;
}
