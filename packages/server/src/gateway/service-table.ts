import { invariant } from "../errors.ts";
import type { Service } from "../services/service.ts";

/** The served services, found by each of the ways in which a request names one. */
export class ServiceTable {
  readonly all: readonly Service[];
  readonly #byTarget = new Map<string, Service>();
  readonly #bySigningName = new Map<string, Service[]>();
  readonly #byVersion = new Map<string, Service>();

  constructor(services: readonly Service[]) {
    this.all = services;
    for (const service of services) {
      for (const prefix of service.targetPrefixes ?? []) {
        invariant(!this.#byTarget.has(prefix), `one service answers X-Amz-Target ${prefix}`);
        this.#byTarget.set(prefix, service);
      }
      for (const name of service.signingNames) {
        this.#bySigningName.set(name, [...(this.#bySigningName.get(name) ?? []), service]);
      }
      if (service.apiVersion) this.#byVersion.set(service.apiVersion, service);
    }
  }

  /** By `X-Amz-Target` prefix: `SageMaker`. */
  byTarget(prefix: string): Service | undefined {
    return this.#byTarget.get(prefix);
  }

  /** By the service name of the credential scope; several may share one. */
  bySigningName(name: string): readonly Service[] {
    return this.#bySigningName.get(name) ?? [];
  }

  /** By `Version` of the query protocol. */
  byVersion(version: string): Service | undefined {
    return this.#byVersion.get(version);
  }

  /** Services of one protocol. */
  byProtocol(protocol: Service["protocol"]): readonly Service[] {
    return this.all.filter((service) => service.protocol === protocol);
  }
}
