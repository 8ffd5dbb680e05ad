import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { parseCommandLine, readConfiguration } from "../configuration.ts";
import { CommandError } from "./command-error.ts";
import { findServer, readCredentials } from "./running-server.ts";

/** `sagebrush configure`: writes an AWS profile, leaving every other profile as it is. */
export async function run(args: readonly string[]): Promise<number> {
  const { values } = parseCommandLine(args, { profile: { type: "string" } });
  const profile = String(values["profile"] ?? "sagebrush");
  if (!/^[\w.-]+$/.test(profile)) throw new CommandError(`a profile cannot be called "${profile}".`);
  const configuration = readConfiguration(values);
  const credentials = readCredentials(configuration.dataDirectory);
  const url =
    findServer(configuration.dataDirectory)?.publicUrl ?? `http://${configuration.host}:${configuration.port}`;
  const configFile = process.env["AWS_CONFIG_FILE"] ?? join(homedir(), ".aws", "config");
  const credentialsFile = process.env["AWS_SHARED_CREDENTIALS_FILE"] ?? join(homedir(), ".aws", "credentials");
  writeSection(configFile, profile === "default" ? "default" : `profile ${profile}`, {
    region: configuration.region,
    endpoint_url: url,
  });
  writeSection(credentialsFile, profile, {
    aws_access_key_id: credentials.accessKeyId,
    aws_secret_access_key: credentials.secretAccessKey,
  });
  process.stdout.write(
    `Wrote profile "${profile}" to ${configFile} and ${credentialsFile}.\n  export AWS_PROFILE=${profile}\n`,
  );
  return 0;
}

/** Replaces one section of an INI file, or appends it; the rest keeps its text. */
export function replaceSection(content: string, section: string, entries: Readonly<Record<string, string>>): string {
  const lines = content.split("\n");
  const start = lines.findIndex((line) => line.trim() === `[${section}]`);
  const block = [`[${section}]`, ...Object.entries(entries).map(([key, value]) => `${key} = ${value}`)];
  if (start < 0) {
    const before = content === "" || content.endsWith("\n") ? content : `${content}\n`;
    return `${before}${before === "" ? "" : "\n"}${block.join("\n")}\n`;
  }
  const after = lines.findIndex((line, index) => index > start && line.trim().startsWith("["));
  const rest = after < 0 ? [] : ["", ...lines.slice(after)];
  return `${[...lines.slice(0, start), ...block, ...rest].join("\n").trimEnd()}\n`;
}

function writeSection(file: string, section: string, entries: Readonly<Record<string, string>>): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  let content = "";
  try {
    content = readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  writeFileSync(file, replaceSection(content, section, entries), { mode: 0o600 });
}
