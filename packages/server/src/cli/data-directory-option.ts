import { type Configuration, readConfiguration, settings } from "../configuration.ts";

/** What a command needs on its line to find this data directory: nothing for the usual one. */
export function dataDirectoryOption({ dataDirectory }: Pick<Configuration, "dataDirectory">): string {
  const fallback = settings.find(({ name }) => name === "data-dir")?.fallback ?? "";
  const isDefault = readConfiguration({ "data-dir": fallback }, {}).dataDirectory === dataDirectory;
  return isDefault
    ? ""
    : ` --data-dir ${/^[\w./-]+$/.test(dataDirectory) ? dataDirectory : JSON.stringify(dataDirectory)}`;
}
