import { driverFolder, type RunGpus } from "./engine.ts";

/** Lets the programs of an image find the driver that is bound into it. */
export function withDriver(
  environment: Readonly<Record<string, string>>,
  gpus: RunGpus | undefined,
): Readonly<Record<string, string>> {
  if (!gpus || gpus.driver.length === 0) return environment;
  const before = (name: string): string[] => (environment[name] ? [environment[name]] : []);
  return {
    ...environment,
    // The image's own come first for programs, the host's driver for libraries: stubs of it lie in many images.
    PATH: [...before("PATH"), `${driverFolder}/bin`].join(":"),
    LD_LIBRARY_PATH: [`${driverFolder}/lib`, ...before("LD_LIBRARY_PATH")].join(":"),
  };
}
