export { engineFacts } from "./facts.ts";
export { openEngines } from "./open-engines.ts";
export { mainSocketPath, platformSocketPath } from "./supervised/run-folder.ts";
