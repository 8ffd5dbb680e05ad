import { lookup } from "node:dns/promises";
import type { ResourceConfig } from "../../job/algorithm.ts";
import { CustomerError } from "../../job/errors.ts";
import type { JobLog } from "../../job/job-log.ts";
import type { XGBoostLibrary } from "../library/library.ts";
import { alone, type Peers } from "../peers.ts";
import { Communicator } from "./communicator.ts";
import { gatherHosts, reportTo } from "./rendezvous.ts";
import { startTracker } from "./tracker.ts";

/** What a host says of itself when it joins, and what it needs. */
interface Joining {
  readonly library: XGBoostLibrary;
  readonly resources: ResourceConfig;
  readonly hasRows: boolean;
  readonly hasValidation: boolean;
  readonly log: JobLog;
  readonly signal: AbortSignal;
}

/** What all hosts know of each other before they train. */
export interface Plan {
  /** Hosts that have rows, in order. */
  readonly members: readonly string[];
  /** Whether any of them has rows of the validation channel. */
  readonly hasValidation: boolean;
  /** Where the members find each other; undefined where one host has all the rows. */
  readonly tracker: { readonly host: string; readonly port: number } | undefined;
}

/** What a host reports. */
export interface HostReport {
  readonly host: string;
  readonly hasRows: boolean;
  readonly hasValidation: boolean;
}

/** The hosts of a job that have rows. */
interface Group {
  readonly peers: Peers;
  readonly hasValidation: boolean;
}

/**
 * Finds the other hosts and joins those that have rows into the library's collective. Hosts without rows are left out, as
 * on the service.
 * @returns undefined for a host without rows, once the others have no more need of it.
 * @throws CustomerError when no host has a row.
 */
export async function joinPeers({
  library,
  resources,
  hasRows,
  hasValidation,
  log,
  signal,
}: Joining): Promise<Group | undefined> {
  const { hosts, currentHost } = resources;
  if (hosts.length <= 1) return { peers: alone, hasValidation };
  if (!library.isFrom(1, 7)) {
    throw new CustomerError(
      `XGBoost ${library.version.join(".")} does not train on several hosts here: choose the image tag 1.7-1 or a later one, or one instance.`,
    );
  }
  const report = { host: currentHost, hasRows, hasValidation };
  const leader = hosts[0] as string;
  return currentHost === leader
    ? await lead(report, hosts, { library, log, signal })
    : await follow(report, leader, { library, signal });
}

type World = Pick<Joining, "library" | "signal"> & Partial<Pick<Joining, "log">>;

/** The first host, which also keeps the place where the others find each other. */
async function lead(
  report: HostReport,
  hosts: readonly string[],
  { library, log, signal }: World,
): Promise<Group | undefined> {
  const { address } = await lookup(report.host);
  const gathering = await gatherHosts(report, { address, count: hosts.length, signal });
  try {
    const members = hosts.filter((host) => gathering.reports.some((each) => each.host === host && each.hasRows));
    const hasValidation = gathering.reports.some((each) => each.hasRows && each.hasValidation);
    if (members.length === 0) throw new CustomerError("Channel 'train' has no files on any host.");
    const tracker = members.length === 1 ? undefined : await startTracker(library, address, members.length);
    const plan: Plan = { members, hasValidation, tracker: tracker && { host: address, port: tracker.port } };
    gathering.tell(plan);
    log?.info(`Hosts that train: ${members.join(", ")}.`);
    const close = async () => {
      await gathering.othersAreDone(); // they need the tracker for parting
      await tracker?.close();
      gathering.close();
    };
    if (report.hasRows) return { peers: peersOf(plan, report, library, close), hasValidation };
    await close();
    return undefined;
  } catch (error) {
    gathering.close();
    throw error;
  }
}

async function follow(report: HostReport, leader: string, { library, signal }: World): Promise<Group | undefined> {
  const { plan, close } = await reportTo(leader, report, signal);
  if (report.hasRows) return { peers: peersOf(plan, report, library, close), hasValidation: plan.hasValidation };
  await close();
  return undefined;
}

function peersOf(
  { tracker, members }: Plan,
  { host }: HostReport,
  library: XGBoostLibrary,
  close: () => Promise<void>,
): Peers {
  if (tracker === undefined) return { ...alone, leave: close };
  const communicator = new Communicator(library, tracker, members.indexOf(host));
  return {
    rank: communicator.rank,
    size: members.length,
    sum: (values) => communicator.reduce(values, "sum"),
    min: (value) => communicator.reduce(Float64Array.of(value), "min")[0] as number,
    max: (value) => communicator.reduce(Float64Array.of(value), "max")[0] as number,
    leave: async () => {
      communicator.leave();
      await close();
    },
  };
}
