import type { Exchange } from "../exchange.ts";

/** Applies the model's constraints to the input and reports all violations at once. */
export function validate(_exchange: Exchange): void {}
