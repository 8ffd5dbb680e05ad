import { settings } from "../../packages/server/src/configuration.ts";

/** docs/reference/configuration.md, from the table that the parser reads. */
export function configurationReference(): string {
  const rows = settings.map((setting) => {
    const variable = `SAGEBRUSH_${setting.name.toUpperCase().replaceAll("-", "_")}`;
    const fallback = setting.fallback === "" ? "" : `\`${setting.fallback}\``;
    const option = setting.argument === undefined ? setting.name : `${setting.name} ${setting.argument}`;
    return `| \`--${option.replaceAll("|", "\\|")}\` | \`${variable}\` | ${fallback} | ${setting.doc.replaceAll("|", "\\|")} |`;
  });
  return [
    "# Settings",
    "",
    "<!-- Generated from packages/server/src/configuration.ts by `npm run generate`. -->",
    "",
    "The command line wins over the environment, the environment over the config file, the config file over the defaults.",
    "The config file is `config.json` in the data directory, or the one that `--config FILE` or `SAGEBRUSH_CONFIG` names:",
    "one JSON object whose keys are the option names without dashes. A setting that may be repeated is a list there and",
    "separated by commas in the environment.",
    "",
    "| option | environment | default | what it does |",
    "|---|---|---|---|",
    ...rows,
    "",
  ].join("\n");
}
