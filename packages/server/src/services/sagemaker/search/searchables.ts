import { validationException } from "../../../errors.ts";
import { searchableTuningJobs } from "../hyper-parameter-tuning-job/searchable.ts";
import { searchableTrainingJobs } from "../training-job/searchable.ts";
import type { Searchable } from "./searchable.ts";

/** Every noun that Search finds. Adding one is adding its line. */
const searchables: readonly Searchable[] = [searchableTrainingJobs, searchableTuningJobs];

/** @throws ValidationException for a resource that is not searchable yet, by name. */
export function searchableNamed(resource: string): Searchable {
  const found = searchables.find((each) => each.resource === resource);
  if (found) return found;
  const known = searchables.map((each) => each.resource).join(", ");
  throw validationException(`Searching for ${resource} is not supported yet. Searchable are: ${known}.`);
}
