import packageFile from "../../package.json" with { type: "json" };
import { ConfigurationError } from "../configuration.ts";
import { commands, usage } from "./commands.ts";
import { explain } from "./explain.ts";

/** Runs one command and returns its exit code. Errors a person can mend are printed as one line without a stack. */
export async function runCommand(args: readonly string[]): Promise<number> {
  const [name = "help", ...rest] = args;
  if (["help", "--help", "-h"].includes(name)) {
    process.stdout.write(usage());
    return 0;
  }
  if (["version", "--version", "-v"].includes(name)) {
    process.stdout.write(`sagebrush ${packageFile.version}, Node ${process.version}\n`);
    return 0;
  }
  const command = commands[name];
  if (!command) {
    process.stderr.write(`There is no command "${name}".\n\n${usage()}`);
    return 2;
  }
  if (rest.includes("--help") || rest.includes("-h")) {
    process.stdout.write(usage(name));
    return 0;
  }
  try {
    const { run } = await command.load();
    return await run(rest);
  } catch (error) {
    const sentence = explain(error);
    if (sentence === undefined) throw error;
    process.stderr.write(`sagebrush ${name}: ${sentence}\n`);
    return error instanceof ConfigurationError ? 2 : 1;
  }
}

// A reader such as `head` that has seen enough closes the pipe: nothing is wrong, and nobody is left to tell.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
  throw error;
});

// exitCode instead of exit(): standard output may be a pipe that still holds lines.
process.exitCode = await runCommand(process.argv.slice(2));
