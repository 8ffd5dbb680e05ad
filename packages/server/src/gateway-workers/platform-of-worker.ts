import { systemClock } from "../clock.ts";
import type { Configuration } from "../configuration.ts";
import { invariant } from "../errors.ts";
import type { Log } from "../log.ts";
import type { Platform } from "../platform.ts";

/** The platform as a gateway worker has it: clock, log and settings. Whatever asks for more belongs in the main process. */
export function platformOfWorker(configuration: Configuration, log: Log): Platform {
  const has: Partial<Platform> = { configuration, log, clock: systemClock };
  return new Proxy(has as Platform, {
    get(parts, name) {
      invariant(Object.hasOwn(parts, name), `a gateway worker can do without ${String(name)}`);
      return parts[name as keyof Platform];
    },
  });
}
