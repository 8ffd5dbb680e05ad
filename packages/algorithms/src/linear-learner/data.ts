import { checkFinite } from "../formats/check-finite.ts";
import type { Rows, Table } from "../formats/rows.ts";
import type { RowBlock } from "../formats/stream/row-block.ts";
import type { Channel, ReadOptions } from "../job/channels.ts";
import { CustomerError } from "../job/errors.ts";
import { type Scaling, scaleLabels } from "./scaling.ts";
import type { Settings } from "./settings.ts";
import { type Split, splitOf, streamedSplit } from "./split.ts";
import { type Facts, type SplitName, Survey } from "./survey.ts";

/** A channel's rows, and what is known of them. */
export type Source = { readonly facts: Facts } & (
  | { readonly table: Table }
  | { readonly blocks: AsyncIterable<RowBlock> }
);

/**
 * Reads the channels that there are as far as their tables find room, and looks through the others; checks labels, and the
 * values of rows that are not kept.
 */
export async function openSources(
  channels: ReadonlyMap<string, Channel>,
  settings: Settings,
): Promise<ReadonlyMap<SplitName, Source>> {
  const sources = new Map<SplitName, Source>();
  const large = new Map<SplitName, AsyncIterable<RowBlock>>();
  let width = settings.given.feature_dim;
  for (const name of ["train", "validation", "test"] as const) {
    const channel = channels.get(name);
    if (channel === undefined) continue;
    const options: ReadOptions = {
      labelWidth: 1,
      defaultContentType: "text/csv",
      ...(width === "auto" ? {} : { featureDim: width }),
    };
    const table = await channel.readIfKept(options);
    if (table === undefined) {
      large.set(name, channel.stream({ ...options, isDense: false }));
      continue;
    }
    const survey = new Survey(name, settings);
    survey.add(table);
    sources.set(name, { table, facts: survey.facts });
    if (name === "train") width = survey.facts.width;
  }
  // Only now: smaller channels have found room before these keep what they can of theirs.
  for (const [name, blocks] of large) sources.set(name, { blocks, facts: await look(name, blocks, settings) });
  checkWidths(sources);
  return sources;
}

async function look(name: SplitName, blocks: AsyncIterable<RowBlock>, settings: Settings): Promise<Facts> {
  const survey = new Survey(name, settings);
  for await (const block of blocks) {
    survey.add(block);
    if (!isFinite(block.features)) checkFinite(block.features, name, block.firstRow);
  }
  return survey.facts;
}

function isFinite({ values }: Rows): boolean {
  // A difference of a number with itself is NaN for NaN and both infinities.
  let differences = 0;
  for (let i = 0; i < values.length; i++) differences += (values[i] as number) - (values[i] as number);
  return differences === 0;
}

/** Readers have compared those channels that they knew the width for. */
function checkWidths(sources: ReadonlyMap<SplitName, Source>): void {
  const wanted = sources.get("train")?.facts.width;
  for (const [name, { facts }] of sources) {
    if (facts.width === wanted) continue;
    throw new CustomerError(
      `The ${name} channel has ${facts.width} features where the ${wanted} of the train channel were expected.`,
    );
  }
}

/** Brings every channel's rows into the training rows' form. */
export function splitsOf(sources: ReadonlyMap<SplitName, Source>, scaling: Scaling): ReadonlyMap<SplitName, Split> {
  const { kind } = (sources.get("train") as Source).facts;
  return new Map(
    Array.from(sources, ([name, source]) => {
      if ("blocks" in source) return [name, streamedSplit(source.blocks, { ...source.facts, kind }, scaling)];
      const { features, labels } = source.table;
      return [name, splitOf({ features, labels: scaleLabels(labels, scaling) }, kind)];
    }),
  );
}
