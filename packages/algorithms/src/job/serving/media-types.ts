/** Media types that every built-in algorithm's server speaks, both ways. */
export const mediaType = {
  csv: "text/csv",
  json: "application/json",
  jsonLines: "application/jsonlines",
  recordIo: "application/x-recordio-protobuf",
} as const;

export type MediaType = (typeof mediaType)[keyof typeof mediaType];

const known: ReadonlyMap<string, MediaType> = new Map(Object.values(mediaType).map((type) => [type, type]));

/** @returns undefined for a type that is not spoken here. */
export function knownMediaType(type: string): MediaType | undefined {
  return known.get(type);
}

/** Every type, in the order of this file. */
export const mediaTypes: readonly MediaType[] = Object.values(mediaType);

/** For messages. */
export const mediaTypeList = mediaTypes.join(", ");
