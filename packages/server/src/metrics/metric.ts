/** Name and value of what tells metrics of one name apart. */
export type Dimensions = readonly (readonly [name: string, value: string])[];

/** One metric. */
export interface Metric {
  readonly namespace: string;
  readonly name: string;
  /** By name. */
  readonly dimensions: Dimensions;
}
