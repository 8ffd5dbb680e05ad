import { commands } from "../../packages/server/src/cli/commands.ts";

/** docs/reference/command-line.md, from the table that dispatches the commands. */
export function commandLineReference(): string {
  const sections = Object.entries(commands).map(([name, command]) => {
    const options = (command.options ?? []).map(([option, doc]) => `- \`${option}\`: ${doc}`);
    return [
      `## ${name}`,
      "",
      `\`sagebrush ${command.synopsis}\``,
      "",
      command.doc,
      ...(options.length > 0 ? ["", ...options] : []),
    ].join("\n");
  });
  return [
    "# Command line",
    "",
    "<!-- Generated from packages/server/src/cli/commands.ts by `npm run generate`. -->",
    "",
    "Every command also takes the [settings](configuration.md); those that need a running server find it by its data",
    "directory. Exit codes: 0 done, 1 it failed (one line says why), 2 the command line is wrong, 3 (`status`) no server.",
    "",
    sections.join("\n\n"),
    "",
  ].join("\n");
}
