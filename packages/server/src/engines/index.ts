export { type EngineFact, engineFacts } from "./facts.ts";
export { type EngineOptions, openEngine } from "./open-engine.ts";
