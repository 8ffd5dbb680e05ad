// The command line's first file. Plain JavaScript, since stripping types from it would cost more than it does.
import { enableCompileCache } from "node:module";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { bundledProgram } from "./program.mjs";

const root = fileURLToPath(new URL("../../../../", import.meta.url));

// Keeps what Node makes of the program between starts. Where the folder cannot be written nothing is cached.
enableCompileCache(join(root, ".build", "compile-cache"));

// Stacks in logs name sources and their lines, also where a bundle runs.
process.setSourceMapsEnabled(true);

const program = bundledProgram(root);
await import(program === undefined ? "./main.ts" : pathToFileURL(program).href);
