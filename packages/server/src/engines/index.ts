export { engineFacts } from "./facts.ts";
export { openEngines } from "./open-engines.ts";
