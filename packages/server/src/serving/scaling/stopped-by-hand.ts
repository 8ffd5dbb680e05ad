import { partitionOf, sagemakerArn } from "../../scope.ts";
import type { RecordKey, Store, Write } from "../../store/store.ts";
import type { EndpointName } from "../routing/routing-table.ts";

/** `sagebrush stop` keeps how many instances a variant had in a tag of the endpoint, with the variant's name behind this. */
export const stoppedTagPrefix = "sagebrush:instances/";

/** The note that `sagebrush stop` leaves of a variant. */
export interface StopNote {
  /** Takes it off, where it is of an earlier stop that nobody ended by name. */
  readonly drop: Write;
}

/**
 * The note of a variant, if there is one: a variant at zero that has it comes back by `sagebrush start` alone, or by whoever
 * takes the tag off.
 */
export async function stopNoteOf(
  store: Pick<Store, "get">,
  { account, region, name }: EndpointName,
  variant: string,
): Promise<StopNote | undefined> {
  const arn = sagemakerArn({ partition: partitionOf(region), account, region }, `endpoint/${name}`);
  const key: RecordKey = { account, region, kind: "tags", name: arn };
  const record = await store.get<{ readonly tags: Readonly<Record<string, string>> }>(key);
  const tag = stoppedTagPrefix + variant;
  if (record === undefined || !Object.hasOwn(record.value.tags, tag)) return undefined;
  const tags = Object.fromEntries(Object.entries(record.value.tags).filter(([each]) => each !== tag));
  return { drop: { op: "update", key, version: record.version, value: { tags } } };
}
