/** The hosts that train one model together, as one of them sees them. */
export interface Peers {
  /** From 0; the first one writes the model. */
  readonly rank: number;
  readonly size: number;
  /** Adds up the values of all hosts, place by place. Every host must call it. */
  sum(values: Float64Array): Float64Array;
  /** The smallest of all hosts' values. Every host must call it. */
  min(value: number): number;
  /** The largest of all hosts' values. Every host must call it. */
  max(value: number): number;
  /** Parts. Every host must call it. */
  leave(): Promise<void>;
}

/** A host that trains by itself. */
export const alone: Peers = {
  rank: 0,
  size: 1,
  sum: (values) => values,
  min: (value) => value,
  max: (value) => value,
  leave: async () => undefined,
};
