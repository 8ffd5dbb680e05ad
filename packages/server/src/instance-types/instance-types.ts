import { readFileSync } from "node:fs";

/** What an `ml.*` instance type has. */
export interface InstanceType {
  readonly name: string;
  readonly vcpus: number;
  readonly memoryBytes: number;
  readonly accelerators: number;
  /** `V100`; empty without accelerators. */
  readonly accelerator: string;
  /** US dollars per hour on the service in us-east-1; `undefined` for the few names that are not machines. */
  readonly usdPerHour: number | undefined;
  /** Whether the price was seen in public lists, or follows from types that were (docs/decisions/0160). */
  readonly priceBasis: "list" | "estimate";
}

const gibibyte = 2 ** 30;
let table: ReadonlyMap<string, InstanceType> | undefined;

/** The type of that name, or `undefined`. The table is read on first use. */
export function instanceType(name: string): InstanceType | undefined {
  table ??= readTable();
  return table.get(name) ?? serverlessType(name);
}

/** Memory that comes with a core where memory is all that is asked for. */
const mibibytesPerCore = 1_769;

/** What an environment of a serverless endpoint has: `serverless.2048`, by its memory in MB. */
function serverlessType(name: string): InstanceType | undefined {
  const megabytes = Number(/^serverless\.(\d{4})$/u.exec(name)?.[1]);
  if (Number.isNaN(megabytes)) return undefined;
  return {
    ...{ name, vcpus: Math.ceil(megabytes / mibibytesPerCore), memoryBytes: megabytes * 2 ** 20 },
    ...{ accelerators: 0, accelerator: "", usdPerHour: undefined, priceBasis: "estimate" },
  };
}

/** How many GPUs of NVIDIA's a type has: accelerators of others are none here. */
export function gpusOf({ accelerators, accelerator }: InstanceType): number {
  return /^(?:Inferentia|Trainium|Gaudi)/.test(accelerator) ? 0 : accelerators;
}

function readTable(): ReadonlyMap<string, InstanceType> {
  const text = readFileSync(new URL("instance-types.csv", import.meta.url), "utf8");
  const rows = text.trimEnd().split("\n").slice(1);
  return new Map(rows.map((row) => [row.slice(0, row.indexOf(",")), parseRow(row)]));
}

function parseRow(row: string): InstanceType {
  const [name = "", vcpus, memoryGib, accelerators, accelerator = "", price, basis] = row.split(",");
  return {
    name,
    vcpus: Number(vcpus),
    memoryBytes: Number(memoryGib) * gibibyte,
    accelerators: Number(accelerators),
    accelerator,
    usdPerHour: price ? Number(price) : undefined,
    priceBasis: basis === "list" ? "list" : "estimate",
  };
}
