import { fileURLToPath } from "node:url";
import type { AlgorithmDefinition } from "@sagebrush/algorithms/definitions";
import type { RootFs } from "../engines/engine.ts";

/** What a run needs of an image: its files and the command that starts it. */
export interface ImageCommand {
  readonly root: RootFs;
  readonly command: readonly string[];
}

/** The built-in algorithms' bundle, made at set-up; it is all the code that a run sees. */
const bundle = fileURLToPath(new URL("../../../algorithms/.build", import.meta.url));

/**
 * The image of a built-in algorithm: the Node that runs this server and the algorithms' bundle.
 * @param verb - What SageMaker passes to a container: `train` or `serve`.
 */
export function algorithmImage(definition: AlgorithmDefinition, verb: "train" | "serve"): ImageCommand {
  return {
    root: {
      kind: "files",
      binds: [
        { source: process.execPath, target: "/opt/sagebrush/bin/node" },
        { source: bundle, target: "/opt/sagebrush/algorithms" },
      ],
    },
    command: ["/opt/sagebrush/bin/node", "/opt/sagebrush/algorithms/sagebrush-algorithm.mjs", verb, definition.name],
  };
}
