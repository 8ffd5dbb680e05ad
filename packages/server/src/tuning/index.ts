export type { PriorObservation } from "./history.ts";
export { Optimiser, type Suggestion } from "./optimiser.ts";
export { type Parameter, SearchSpace, type Values } from "./search-space.ts";
export { Hyperband } from "./stopping/hyperband.ts";
export { MedianRule } from "./stopping/median-rule.ts";
export type { StoppingRule } from "./stopping/stopping-rule.ts";
