import fc from "fast-check";
import type { Shape } from "../schemas.ts";

/** Which texts a protocol can carry at all. */
export interface ArbitraryOptions {
  readonly text: fc.Arbitrary<string>;
  /** Timestamps may have milliseconds. */
  readonly milliseconds: boolean;
}

/** Values of a shape, for round-trip properties: any members present, unions with one, nesting up to `depth`. */
export function arbitraryOf(shape: Shape, options: ArbitraryOptions, depth = 5): fc.Arbitrary<unknown> {
  if (shape.isStructSchema()) return arbitraryStructure(shape, options, depth);
  if (shape.isListSchema()) {
    const item = arbitraryOf(shape.getValueSchema(), options, depth - 1);
    return fc.array(item, { minLength: 1, maxLength: depth > 0 ? 2 : 1 });
  }
  if (shape.isMapSchema()) {
    const item = arbitraryOf(shape.getValueSchema(), options, depth - 1);
    // An own key of this name would become the prototype of a plain object in any JavaScript client.
    const key = options.text.filter((name) => name !== "__proto__" && name !== "");
    return fc.dictionary(key, item, { minKeys: 1, maxKeys: 2, noNullPrototype: true });
  }
  if (shape.isTimestampSchema()) {
    const unit = options.milliseconds ? 1 : 1000;
    return fc.integer({ min: 0, max: 4e12 / unit }).map((at) => new Date(at * unit));
  }
  if (shape.isBlobSchema()) return fc.uint8Array({ minLength: 1, maxLength: 8 });
  if (shape.isBooleanSchema()) return fc.boolean();
  if (shape.isNumericSchema())
    return fc.oneof(
      fc.integer(),
      fc.double({ noNaN: true, noDefaultInfinity: true }).map((x) => x + 0),
    );
  // The SDK wraps texts that hold JSON in objects of its own.
  if (shape.isStringSchema()) return shape.getMergedTraits().mediaType ? fc.constant(undefined) : options.text;
  return fc.constant(undefined);
}

function arbitraryStructure(shape: Shape, options: ArbitraryOptions, depth: number): fc.Arbitrary<unknown> {
  const members = [...shape.structIterator()].filter(([, member]) => depth > 0 || !isDeep(member));
  if (members.length === 0) return fc.constant({});
  if (shape.isUnionSchema()) {
    return fc
      .constantFrom(...members)
      .chain(([name, member]) => arbitraryOf(member, options, depth - 1).map((value) => ({ [name]: value })));
  }
  // A few members at a time: SageMaker's structures have up to fifty.
  return fc.subarray(members, { maxLength: Math.min(4, members.length) }).chain((chosen) =>
    fc.record(Object.fromEntries(chosen.map(([name, member]) => [name, arbitraryOf(member, options, depth - 1)])), {
      noNullPrototype: true,
    }),
  );
}

function isDeep(shape: Shape): boolean {
  return shape.isStructSchema() || shape.isListSchema() || shape.isMapSchema();
}
