export { engineFacts } from "./facts.ts";
export { openEngine } from "./open-engine.ts";
