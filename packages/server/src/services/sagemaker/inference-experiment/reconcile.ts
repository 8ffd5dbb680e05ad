import { ServiceError } from "../../../errors.ts";
import type { Platform } from "../../../platform.ts";
import { again, type Controller, done, type Outcome } from "../../../reconcile/reconcile.ts";
import { partitionOf } from "../../../scope.ts";
import { type EndpointValue, fleetOf } from "../../../serving/fleet.ts";
import { type StoredRecord, type Write, WriteConflict } from "../../../store/store.ts";
import type { OperationPlace } from "../../service.ts";
import { endpoints } from "../endpoint/resource.ts";
import { type Deployed, Deployer } from "./deployer.ts";
import { configName, endConfig, endsAsBefore, originalConfig, runningConfig } from "./endpoint-configs.ts";
import {
  type ExperimentRecord,
  type ExperimentValue,
  endpointLockKey,
  experimentKind,
  finalExperimentStatuses,
  type StopRequest,
  variantNames,
} from "./experiment.ts";
import { writeReport } from "./report.ts";
import { identityOf } from "./resource.ts";

type EndpointRecord = StoredRecord<EndpointValue>;

/** The report of a running experiment is written anew this often. */
const reportEveryMs = 60_000;
/** How soon it is seen that an endpoint was changed or deleted. */
const watchEveryMs = 1_000;
const lookEveryMs = 200;

/** What drives experiments. */
export interface ExperimentWorld {
  readonly platform: Platform;
  /** Writes what variants counted up to now into the metrics, which the report is made of. */
  readonly publish: () => Promise<void>;
}

/** Drives inference experiments: begins and ends them when they are to, changes their endpoints, and reports. */
export function inferenceExperimentController(world: ExperimentWorld): Controller<ExperimentValue> {
  const reports: LastReports = new Map();
  return {
    kind: experimentKind,
    finalStatuses: finalExperimentStatuses,
    concurrency: 4,
    reconcile: async (record) => {
      try {
        return await new Step(world, record, reports).run();
      } catch (error) {
        // Somebody else changed it meanwhile: look at it anew.
        if (error instanceof WriteConflict) return again(0);
        throw error;
      }
    },
  };
}

/** When the report of an experiment was written last, by its ARN. A new server writes them anew. */
type LastReports = Map<string, number>;

/** One look at one experiment and what follows from it. */
class Step {
  readonly #world: ExperimentWorld;
  readonly #reports: LastReports;
  readonly #record: ExperimentRecord;
  readonly #place: OperationPlace;

  constructor(world: ExperimentWorld, record: ExperimentRecord, reports: LastReports) {
    this.#reports = reports;
    const { account, region } = record;
    this.#world = world;
    this.#record = record;
    this.#place = { platform: world.platform, scope: { partition: partitionOf(region), account, region } };
  }

  async run(): Promise<Outcome> {
    const { status = "", value } = this.#record;
    if (finalExperimentStatuses.includes(status)) return done;
    const endpoint = await this.#place.platform.store.get<EndpointValue>(
      endpoints.key(this.#place.scope, value.endpoint),
    );
    if (
      endpoint === undefined ||
      endpoint.status === "Deleting" ||
      identityOf(endpoint.value) !== value.endpointIdentity
    ) {
      return await this.#finish("Cancelled", `Endpoint ${value.endpoint} was deleted.`);
    }
    if (status === "Created") return await this.#wait();
    if (status === "Starting") return await this.#begin(endpoint);
    if (status === "Updating") return await this.#update(endpoint);
    if (status === "Running") return await this.#watch(endpoint);
    return await this.#end(endpoint, value.stop as StopRequest);
  }

  async #wait(): Promise<Outcome> {
    const leftMs = this.#record.value.startAt - this.#now();
    if (leftMs > 0) return again(leftMs);
    await this.#write("Starting", this.#record.value);
    return again(0);
  }

  async #begin(endpoint: EndpointRecord): Promise<Outcome> {
    const { value } = this.#record;
    if (value.originalConfig === undefined) {
      const original = fleetOf(endpoint.value, "active")?.configName ?? endpoint.value.configName;
      await this.#write("Starting", { ...value, originalConfig: original });
      return again(0);
    }
    const deployed = await this.#deploy(endpoint, (name) => runningConfig(name, this.#record, value.spec, this.#place));
    if (deployed.state === "failed") return await this.#finish("Cancelled", deployed.reason);
    if (deployed.state !== "there") return deployed.outcome;
    // An end that was given stays; a duration counts from when requests are copied.
    await this.#write("Running", { ...without(value), configs: [deployed.config], startedAt: this.#now() });
    return again(0);
  }

  async #update(endpoint: EndpointRecord): Promise<Outcome> {
    const { value } = this.#record;
    const spec = value.nextSpec ?? value.spec;
    const deployed = await this.#deploy(endpoint, (name) => runningConfig(name, this.#record, spec, this.#place));
    if (deployed.state === "waits") return deployed.outcome;
    const { nextSpec: _, ...kept } = without(value);
    if (deployed.state === "failed") {
      await this.#write("Running", { ...kept, statusReason: `The update failed: ${deployed.reason}`.slice(0, 1_024) });
    } else await this.#write("Running", { ...kept, spec, configs: [...value.configs, deployed.config] });
    return again(0);
  }

  async #watch(endpoint: EndpointRecord): Promise<Outcome> {
    const { value } = this.#record;
    const present = fleetOf(endpoint.value, "active")?.configName;
    if (present !== value.configs.at(-1)) {
      return await this.#finish(
        "Cancelled",
        `Endpoint ${value.endpoint} was updated to configuration ${present} during the experiment.`,
      );
    }
    const leftMs = value.endAt - this.#now();
    if (leftMs > 0) {
      if (this.#now() - (this.#reports.get(value.arn) ?? 0) >= reportEveryMs) {
        this.#reports.set(value.arn, this.#now());
        await this.#report("Running");
      }
      return again(Math.min(leftMs, watchEveryMs));
    }
    const { source, shadow } = variantNames(value.spec);
    const stop: StopRequest = { actions: { [source]: "Retain", [shadow]: "Remove" }, state: "Completed" };
    await this.#write("Stopping", { ...value, stop });
    return again(0);
  }

  async #end(endpoint: EndpointRecord, stop: StopRequest): Promise<Outcome> {
    const { value } = this.#record;
    const { source, shadow } = variantNames(value.spec);
    const staysAsItIs =
      stop.actions[source] === "Retain" && stop.actions[shadow] === "Retain" && stop.variants === undefined;
    const present = fleetOf(endpoint.value, "active")?.configName;
    // What was begun before the stop comes to its end first.
    if (endpoint.status !== "InService" && endpoint.status !== "Failed") return again(lookEveryMs);
    const hasNotBegun = value.configs.length === 0 && (value.originalConfig ?? present) === present;
    if (staysAsItIs || hasNotBegun) return await this.#finish(stop.state, stop.reason);
    const asBefore =
      endsAsBefore(this.#record, stop) && (await originalConfig(this.#record, this.#place)) !== undefined;
    const deployed = await this.#deploy(
      endpoint,
      (name) => endConfig(name, this.#record, stop, this.#place),
      asBefore ? value.originalConfig : undefined,
    );
    if (deployed.state === "waits") return deployed.outcome;
    if (deployed.state === "failed")
      return await this.#finish("Cancelled", `The endpoint could not be changed: ${deployed.reason}`);
    return await this.#finish(stop.state, stop.reason);
  }

  /** Brings the endpoint to a configuration, one step at a time. */
  async #deploy(
    endpoint: EndpointRecord,
    make: ConstructorParameters<typeof Deployer>[0]["make"],
    known?: string,
  ): Promise<Deployed> {
    const change = this.#record.value.change;
    if (change === undefined) {
      await this.#write(this.#record.status ?? "", {
        ...this.#record.value,
        change: { config: known ?? configName(this.#record.name), isAsked: false },
      });
      return { state: "waits", outcome: again(0) };
    }
    const asked = { ...this.#record.value, change: { ...change, isAsked: true } };
    return await new Deployer({
      ...{ place: this.#place, endpoint, change, make, lookEveryMs },
      isOurs: change.config !== this.#record.value.originalConfig,
      noteAsked: this.#writeOf(this.#record.status ?? "", asked),
    }).step();
  }

  /** Ends the experiment: the report first, which a restart would write again. */
  async #finish(status: "Completed" | "Cancelled", reason: string | undefined): Promise<Outcome> {
    const { value } = this.#record;
    this.#reports.delete(value.arn);
    const over: ExperimentValue = { ...without(value), completedAt: this.#now() };
    const problem = await this.#report(status, over);
    const statusReason = [reason, problem]
      .filter((each) => each !== undefined)
      .join(" ")
      .slice(0, 1_024);
    const lock = endpointLockKey(this.#record, value.endpoint);
    await this.#place.platform.store.write([
      this.#writeOf(status, { ...over, ...(statusReason !== "" && { statusReason }) }),
      { op: "delete", key: lock },
    ]);
    this.#place.platform.log.info("inference experiment changed", {
      experiment: this.#record.name,
      status,
      reason: statusReason,
    });
    return done;
  }

  /** @returns What went wrong: a bucket that is gone must not keep the experiment from ending. */
  async #report(status: string, value: ExperimentValue = this.#record.value): Promise<string | undefined> {
    await this.#world.publish();
    try {
      await writeReport({ ...this.#record, value }, status, this.#place);
      return undefined;
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error;
      this.#place.platform.log.warn("the report of an inference experiment was not written", {
        experiment: this.#record.name,
        error,
      });
      return `The report could not be written: ${error.message}`;
    }
  }

  async #write(status: string, value: ExperimentValue): Promise<void> {
    await this.#place.platform.store.write([this.#writeOf(status, value)]);
    if (status !== this.#record.status) {
      this.#place.platform.log.info("inference experiment changed", { experiment: this.#record.name, status });
    }
  }

  #writeOf(status: string, value: ExperimentValue): Write {
    const { account, region, kind, name, version } = this.#record;
    return { op: "update", key: { account, region, kind, name }, version, value, status };
  }

  #now(): number {
    return this.#place.platform.clock.now();
  }
}

/** A change that is done, or will not be. */
function without({ change: _, ...value }: ExperimentValue): ExperimentValue {
  return value;
}
