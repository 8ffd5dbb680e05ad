import { readFileSync } from "node:fs";
import { join } from "node:path";
import { writeWhole } from "../../job/write-whole.ts";
import type { Ensemble } from "../ensemble/fit-ensemble.ts";
import type { FeaturePipeline } from "../features/pipeline.ts";
import type { LearnerName } from "../learners/learner.ts";
import type { Problem } from "../problem.ts";

/** What a container of a candidate answers with: everything, features, or what follows from features. */
export type Artifact =
  | {
      readonly kind: "ensemble";
      readonly problem: Problem;
      readonly inputs: readonly string[];
      readonly ensemble: Ensemble;
    }
  | {
      readonly kind: "features";
      readonly problem: Problem;
      readonly inputs: readonly string[];
      readonly pipeline: FeaturePipeline;
    }
  | { readonly kind: "model"; readonly problem: Problem; readonly learner: LearnerName; readonly width: number };

const file = "candidate.json";
const version = 1;

/** Writes the artifact's description; the folders of models lie beside it. */
export async function writeArtifact(directory: string, artifact: Artifact): Promise<void> {
  await writeWhole(directory, file, [JSON.stringify({ format: "sagebrush-autopilot", version, ...artifact })]);
}

/** Reads it. @throws Error saying why it is none. */
export function readArtifact(directory: string): Artifact {
  const found = JSON.parse(readFileSync(join(directory, file), "utf8")) as Artifact & {
    readonly format?: string;
    readonly version?: number;
  };
  if (found.format !== "sagebrush-autopilot") throw new Error(`${file} is not of a candidate of Autopilot`);
  if (found.version !== version) {
    throw new Error(`the candidate has format ${found.version}, and format ${version} is read here`);
  }
  return found;
}
