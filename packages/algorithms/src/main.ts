/** Entry point inside a built-in algorithm's container: `train ALGORITHM [LIBRARY]` or `serve ALGORITHM [LIBRARY]`. */
import { writeLine } from "./job/write-line.ts";

const [action, name, library] = process.argv.slice(2);
// The first sign of life comes before anything else is loaded.
writeLine(`Docker entrypoint called with argument(s): ${action}`);
const { runProgram } = await import("./job/program.ts");
await runProgram(action, name, { library });
