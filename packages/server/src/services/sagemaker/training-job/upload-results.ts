import { appendFile } from "node:fs/promises";
import { ServiceError } from "../../../errors.ts";
import { isKeyError } from "../../../kms/errors.ts";
import type { ObjectCatalogue } from "../../../objects/object-catalogue.ts";
import { type ArtifactUpload, uploadArchive, uploadFiles } from "../artifacts/upload-artifacts.ts";
import { type ArtifactPlace, artifactPlaces, outputBucket } from "./output-keys.ts";
import type { RunPlaces } from "./run-places.ts";
import type { TrainingJob } from "./training-job.ts";

/** Why the artifacts of ended runs could not be stored, if so. */
export interface Results {
  readonly fault?: string;
}

/** Brings the model and other output to S3. Repeating it overwrites its objects. */
export async function uploadResults(
  objects: ObjectCatalogue,
  job: TrainingJob,
  places: readonly RunPlaces[],
): Promise<Results> {
  const notUploaded = places.map(() => new NotUploaded());
  const upload: Omit<ArtifactUpload, "segments"> = {
    objects,
    roots: places.map(({ mlDirectory }) => mlDirectory),
    bucket: outputBucket(job.spec),
    onSkip: ({ path, why }, host) => notUploaded[host]?.add(path || "the folder itself", why),
    onClash: (path, host) => notUploaded[host]?.add(path, "a later host has the same"),
  };
  const { model, data } = artifactPlaces(job.spec);
  try {
    // A job that completed has a model archive even when it wrote none: its address was promised from the start.
    await uploadOne(upload, model, job, job.verdict?.status === "Completed");
    await uploadOne(upload, data, job, false);
  } catch (error) {
    // The server was started without its master key: the result waits, on its volume, for the one that has it.
    if (isKeyError(error)) throw error;
    // The bucket may have been deleted while the job ran: that is the owner's to mend, not ours to retry.
    if (error instanceof ServiceError && error.status < 500) return { fault: error.message };
    throw error;
  }
  for (const [host, { logFile }] of places.entries()) await notUploaded[host]?.tell(logFile);
  return {};
}

async function uploadOne(
  upload: Omit<ArtifactUpload, "segments">,
  place: ArtifactPlace,
  job: TrainingJob,
  keepEmpty: boolean,
): Promise<void> {
  const from = { ...upload, segments: place.segments };
  if (job.spec.OutputDataConfig.CompressionType === "NONE") await uploadFiles(from, place.filesPrefix);
  else await uploadArchive(from, place.archiveKey, keepEmpty);
}

/** Entries that are named in the log; further ones are counted. */
const namedEntries = 10;

/**
 * What a host wrote that was not uploaded: links and special files (a link could point at anything of this machine's),
 * and files that another host wrote under the same name.
 */
class NotUploaded {
  readonly #named: string[] = [];
  #count = 0;

  add(path: string, why: string): void {
    this.#count += 1;
    if (this.#named.length < namedEntries) this.#named.push(`${path} (${why})`);
  }

  /** Says it in the host's log. */
  async tell(logFile: string): Promise<void> {
    if (this.#count === 0) return;
    const more = this.#count > this.#named.length ? ` and ${this.#count - this.#named.length} more` : "";
    await appendFile(logFile, `${Date.now()} [sagebrush] Not uploaded: ${this.#named.join(", ")}${more}.\n`);
  }
}
