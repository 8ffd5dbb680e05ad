import type { TrainingContext } from "../../job/algorithm.ts";
import { CustomerError } from "../../job/errors.ts";

/** Where a channel's files are, the one that the analysis has written for instance. */
export function dataDirectory({ channels }: Pick<TrainingContext, "channels">, name = "data"): string {
  const directory = channels.get(name)?.directory;
  if (directory === undefined) throw new CustomerError(`This stage needs the channel '${name}' in File mode.`);
  return directory;
}
