export { engineFacts } from "./facts.ts";
export { openEngines } from "./open-engines.ts";
export { platformSocketPath } from "./supervised/run-folder.ts";
