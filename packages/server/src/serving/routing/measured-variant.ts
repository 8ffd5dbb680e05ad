import type { MetricsSettings } from "../fleet.ts";
import type { Backend } from "./backend.ts";

/** What is measured of a variant, or of a shadow of one. */
export interface MeasuredVariant {
  readonly name: string;
  /** Its fleet's number within the endpoint. */
  readonly fleet: number;
  readonly instanceType: string;
  readonly acceleratorType?: string;
  readonly metrics: MetricsSettings;
  readonly backends: readonly Backend[];
}
