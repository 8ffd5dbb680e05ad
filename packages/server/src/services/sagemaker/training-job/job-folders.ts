import { ServiceError } from "../../../errors.ts";
import type { ObjectCatalogue } from "../../../objects/object-catalogue.ts";
import { CheckpointSync, syncPlace } from "./checkpoints.ts";
import { debugOutputs } from "./debug-outputs.ts";
import type { TrainingJobSpec } from "./training-job.ts";

/** Whether a job has folders that are brought to S3 while it runs. */
export function hasFolders(spec: TrainingJobSpec): boolean {
  return spec.CheckpointConfig !== undefined || debugOutputs(spec).length > 0;
}

/** The folders of a job that S3 has copies of while it runs. */
export class JobFolders {
  readonly #checkpoints: CheckpointSync;
  readonly #outputs: readonly CheckpointSync[];

  constructor(objects: ObjectCatalogue, mlDirectories: readonly string[], spec: TrainingJobSpec) {
    this.#checkpoints = new CheckpointSync(objects, mlDirectories, spec);
    this.#outputs = debugOutputs(spec).map(
      ({ path, s3Uri }) => new CheckpointSync(objects, mlDirectories, spec, syncPlace(path, s3Uri)),
    );
  }

  /**
   * Uploads new and changed files and deletes from S3 what was deleted from a folder since.
   * @param final - The runs have ended: take also what changed just now.
   */
  async sync(final: boolean): Promise<void> {
    await this.#checkpoints.sync(final);
    for (const output of this.#outputs) {
      try {
        await output.sync(final);
      } catch (error) {
        // Its bucket was deleted while the job ran: what helps to look at a job is no reason for it to fail.
        if (!(error instanceof ServiceError && error.status < 500)) throw error;
      }
    }
  }
}
