import { settings } from "../configuration.ts";

interface Command {
  readonly synopsis: string;
  readonly doc: string;
  /** Options of its own, beside the settings every command reads. */
  readonly options?: readonly (readonly [string, string])[];
  /** Loaded on use, so that `sagebrush env` does not pay for the server. */
  readonly load: () => Promise<{ run(args: readonly string[]): Promise<number> }>;
}

/** The command line, described once: dispatch, help and docs/reference/command-line.md read this table. */
export const commands: Readonly<Record<string, Command>> = {
  up: {
    synopsis: "up [settings]",
    doc: "Starts the platform and stays in the foreground; Ctrl-C stops it and leaves jobs and endpoints running.",
    load: () => import("./up.ts"),
  },
  down: {
    synopsis: "down [--all]",
    doc: "Stops the running server. Jobs and endpoints go on unless --all; the next `up` finds or restarts them.",
    options: [["--all", "Stop running jobs and endpoints too. They start again with the next `up`."]],
    load: () => import("./down.ts"),
  },
  status: {
    synopsis: "status",
    doc: "Says whether a server runs, where, and which jobs and endpoints it has in hand.",
    load: () => import("./status.ts"),
  },
  env: {
    synopsis: "env [--intercept]",
    doc: 'Prints shell exports that point SDKs here: eval "$(sagebrush env)".',
    options: [
      ["--intercept", "Also lead clients here that build amazonaws.com addresses themselves (SageMaker Python SDKs)."],
    ],
    load: () => import("./env.ts"),
  },
  configure: {
    synopsis: "configure [--profile NAME]",
    doc: "Writes an AWS profile that points here (default name: sagebrush).",
    options: [["--profile NAME", "The profile's name."]],
    load: () => import("./configure.ts"),
  },
  doctor: {
    synopsis: "doctor",
    doc: "Says what is missing on this machine and what that costs.",
    load: () => import("./doctor.ts"),
  },
  logs: {
    synopsis: "logs NAME [-f] [--endpoint]",
    doc: "Prints the log of a training job or an endpoint.",
    options: [
      ["-f", "Follow until the job ends."],
      ["--endpoint", "The endpoint of that name, where a training job has it too."],
    ],
    load: () => import("./logs.ts"),
  },
  interrupt: {
    synopsis: "interrupt JOB",
    doc: "Takes a spot training job's capacity away: SIGTERM, two minutes, then it resumes from its last checkpoint.",
    load: () => import("./interrupt.ts"),
  },
  stop: {
    synopsis: "stop ENDPOINT",
    doc: "Ends an endpoint's instances and keeps the endpoint, for as long as one likes: it takes no memory and comes back with `start`.",
    load: async () => ({ run: (await import("./pause.ts")).stop }),
  },
  start: {
    synopsis: "start ENDPOINT",
    doc: "Gives a stopped endpoint the instances back that it had, and waits until it answers.",
    load: async () => ({ run: (await import("./pause.ts")).start }),
  },
  compare: {
    synopsis: "compare ENDPOINT [options]",
    doc: "Compares the variants of an endpoint: requests, errors, latency and, with ground truth, how good their predictions are.",
    options: [
      [
        "--ground-truth S3URI",
        "Labels as SageMaker Model Monitor has them, joined with data capture by inference id or event id.",
      ],
      ["--since TIME", "From when on: 90m, 24h, 7d, or a point in time. Default 1d."],
      ["--baseline VARIANT", "What the others are compared with; the first variant unless given."],
      [
        "--problem-type TYPE",
        "BinaryClassification, MulticlassClassification or Regression; told from the labels unless given.",
      ],
      ["--threshold SHARE", "Scores from here on are class 1. Default 0.5."],
      ["--output S3URI", "Write report.json and report.md there, too."],
      ["--json", "Print the report as JSON."],
    ],
    load: () => import("./compare.ts"),
  },
  experiment: {
    synopsis: "experiment NAME [--json]",
    doc: "Prints the report of an inference experiment: how its two variants compare.",
    options: [["--json", "Print it as JSON."]],
    load: () => import("./experiment.ts"),
  },
  environments: {
    synopsis: "environments [list | make IMAGE... | remove KEY...]",
    doc: "Lists the Python environments of framework images, makes them before the first job wants them, or removes them.",
    load: () => import("./environments.ts"),
  },
  backup: {
    synopsis: "backup DIR",
    doc: "Copies records and objects into a new directory; the server may be running.",
    load: () => import("./backup.ts"),
  },
  restore: {
    synopsis: "restore DIR",
    doc: "Makes the data directory from a backup. Refuses one that is not empty.",
    load: () => import("./restore.ts"),
  },
  gc: {
    synopsis: "gc",
    doc: "Collects what has outlived its retention: job folders, logs, incomplete uploads, unreferenced bytes.",
    load: () => import("./gc.ts"),
  },
  quickstart: {
    synopsis: "quickstart [--keep]",
    doc: "Trains, deploys and predicts on real data against a server of its own.",
    options: [["--keep", "Leave the server and the endpoint running."]],
    load: () => import("./quickstart.ts"),
  },
};

/** Help for people: all commands, or one with its options. */
export function usage(name?: string): string {
  const command = name === undefined ? undefined : commands[name];
  if (command) {
    const rows = [...(command.options ?? []), ...settingRows()];
    return `sagebrush ${command.synopsis}\n\n${command.doc}\n\n${table(rows)}`;
  }
  const rows = Object.values(commands).map((each) => [each.synopsis, each.doc] as const);
  return [
    "Sagebrush: a self-hosted machine-learning platform that speaks the Amazon SageMaker API.",
    "",
    table(rows),
    "Settings (also SAGEBRUSH_DATA_DIR, SAGEBRUSH_PORT, ... and config.json in the data directory):",
    "",
    table(settingRows()),
  ].join("\n");
}

function settingRows(): (readonly [string, string])[] {
  const rows = settings.map((setting) => {
    const argument = setting.argument === undefined ? "" : ` ${setting.argument}`;
    const fallback = setting.fallback === "" || setting.kind === "flag" ? "" : ` Default ${setting.fallback}.`;
    return [`--${setting.name}${argument}`, `${setting.doc}${fallback}`] as const;
  });
  return [...rows, ["--config FILE", "Read settings from this JSON file instead of the data directory's config.json."]];
}

function table(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([left]) => left.length)) + 2;
  return `${rows.map(([left, right]) => `  ${left.padEnd(width)}${right}`).join("\n")}\n`;
}
