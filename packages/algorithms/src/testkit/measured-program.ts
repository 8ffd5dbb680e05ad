import { runProgram } from "../job/program.ts";
import { writeLine } from "../job/write-line.ts";

/** Trains an algorithm and prints, last, how much memory the process took at most. */
process.on("exit", () => writeLine(`peak bytes ${process.resourceUsage().maxRSS * 1024}`));
await runProgram("train", process.argv[2], { library: process.argv[3] });
