import { type JobUse, quotaPassed, type Usage } from "../../capacity/quotas.ts";
import { ServiceError } from "../../errors.ts";
import { type HostCapacity, thisHost } from "../../instance-types/fit-to-host.ts";
import { gpusOf, type InstanceType, instanceType } from "../../instance-types/instance-types.ts";
import type { OperationPlace } from "../service.ts";

/** Instances of one type that a job asks for. */
export interface WantedInstances {
  readonly instanceType: string;
  readonly count: number;
  /** `ml.eia2.medium`: an accelerator for each of them besides. */
  readonly acceleratorType?: string | undefined;
}

/**
 * Refuses instances that this machine can never give, where types are held to their size.
 * @param who - They, to begin a sentence with.
 * @throws ServiceError `ResourceLimitExceeded` naming the type and what the machine has.
 */
export function checkInstancesFit(
  groups: readonly WantedInstances[],
  mode: "shared" | "strict",
  host: HostCapacity = thisHost(),
  who = "The job's instances",
): void {
  if (mode !== "strict") return;
  for (const { instanceType: name, acceleratorType } of groups) {
    if (acceleratorType !== undefined && !host.gpus) {
      throw tooLarge(`${acceleratorType} is an accelerator; none is set up here`);
    }
    const type = instanceType(name);
    if (!type) continue;
    if (type.vcpus > host.cpus || type.memoryBytes > host.memoryBytes) {
      throw tooLarge(
        `${name} has ${type.vcpus} vCPU and ${gibibytes(type.memoryBytes)} GiB; this machine has ${machine(host)}`,
      );
    }
    if (type.accelerators > 0 && (gpusOf(type) === 0 || !host.gpus)) {
      throw tooLarge(`${name} has ${type.accelerators} ${type.accelerator}; none is set up here`);
    }
  }
  const sum = (of: (type: InstanceType) => number) =>
    groups.reduce((total, { instanceType: name, count }) => {
      const type = instanceType(name);
      return type ? total + of(type) * count : total;
    }, 0);
  const attached = groups.reduce((total, { acceleratorType, count }) => total + (acceleratorType ? count : 0), 0);
  const [cpus, memoryBytes] = [sum(({ vcpus }) => vcpus), sum((type) => type.memoryBytes)];
  const gpus = sum(gpusOf) + attached;
  if (gpus > (host.gpus ?? 0)) {
    throw tooLarge(`${who} have ${gpus} GPUs together; this machine has ${host.gpus ?? 0}`);
  }
  if (cpus <= host.cpus && memoryBytes <= host.memoryBytes) return;
  throw tooLarge(
    `${who} have ${cpus} vCPU and ${gibibytes(memoryBytes)} GiB together; this machine has ${machine(host)}`,
  );
}

function tooLarge(what: string): ServiceError {
  return limitExceeded(`${what}, and it gives no less than a type's size (setting capacity: strict).`);
}

function machine({ cpus, memoryBytes }: HostCapacity): string {
  return `${cpus} and ${gibibytes(memoryBytes)} GiB`;
}

function gibibytes(bytes: number): string {
  return (bytes / 2 ** 30).toFixed(1).replace(/\.0$/, "");
}

/** Requests that are counted one after the other, by account and region: two at once must not both be the last. */
const turns = new Map<string, Promise<unknown>>();

/** A kind of jobs that count against quotas. */
export interface CountedJobs<Value> {
  readonly use: JobUse;
  /** Record kind. */
  readonly kind: string;
  /** What a job has of instances. */
  instancesOf(value: Value): readonly WantedInstances[];
}

/**
 * Creates a job while no other request of the account is between counting and creating.
 * @throws ServiceError `ResourceLimitExceeded` when the account would pass one of its quotas.
 */
export async function withinQuotas<Value, Result>(
  context: OperationPlace,
  jobs: CountedJobs<Value>,
  wanted: readonly WantedInstances[],
  create: () => Promise<Result>,
): Promise<Result> {
  const { quotas } = context.platform.configuration.capacity;
  if (quotas.length === 0) return create();
  const scope = [context.platform.dataDirectory.root, context.scope.account, context.scope.region, jobs.kind].join(
    "\n",
  );
  const turn = (turns.get(scope) ?? Promise.resolve()).then(async () => {
    const passed = quotaPassed(quotas, jobs.use, await inUse(context, jobs), usageOf(wanted));
    if (passed !== undefined) throw limitExceeded(passed);
    return create();
  });
  // The next in line waits for the end, whatever it was.
  const settled = turn.catch(() => undefined);
  turns.set(scope, settled);
  try {
    return await turn;
  } finally {
    if (turns.get(scope) === settled) turns.delete(scope);
  }
}

function limitExceeded(message: string): ServiceError {
  return new ServiceError("ResourceLimitExceeded", message, { status: 400 });
}

async function inUse<Value>({ scope, platform }: OperationPlace, jobs: CountedJobs<Value>): Promise<Usage> {
  const instances = new Map<string, number>();
  let count = 0;
  for (const status of ["InProgress", "Stopping"]) {
    let token: string | undefined;
    do {
      const { account, region } = scope;
      const query = { kind: jobs.kind, account, region, status, limit: 500, ...(token !== undefined && { token }) };
      const page = await platform.store.list<Value>(query);
      count += page.records.length;
      for (const { value } of page.records) add(instances, usageOf(jobs.instancesOf(value)).instances);
      token = page.next;
    } while (token !== undefined);
  }
  return { jobs: count, instances };
}

function usageOf(wanted: readonly WantedInstances[]): Usage {
  const instances = new Map<string, number>();
  for (const { instanceType: name, count } of wanted) add(instances, new Map([[name, count]]));
  return { jobs: 1, instances };
}

function add(to: Map<string, number>, more: ReadonlyMap<string, number>): void {
  for (const [name, count] of more) to.set(name, (to.get(name) ?? 0) + count);
}
