import type { ObjectEntry } from "../../../../objects/object-catalogue.ts";

/** Bytes of a stream: an object's, or a text that is short enough to be written down. */
export type StreamSegment = { readonly entry: ObjectEntry } | { readonly text: string };

/** What is shuffled and dealt as a whole: an object, or the wanted attributes of a manifest's line. Never empty. */
export type StreamUnit = readonly StreamSegment[];
