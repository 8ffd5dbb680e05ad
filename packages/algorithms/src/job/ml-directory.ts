import { join } from "node:path";

/** Where a container finds its inputs and leaves its results: `/opt/ml`, or what SAGEBRUSH_ML_ROOT says. */
export interface MlDirectory {
  readonly root: string;
  readonly config: string;
  readonly data: string;
  readonly model: string;
  readonly outputData: string;
  readonly failure: string;
}

/** The engine without isolation cannot put anything at /opt/ml, so it passes the real place. */
export function mlDirectory(environment: NodeJS.ProcessEnv): MlDirectory {
  const root = environment.SAGEBRUSH_ML_ROOT ?? "/opt/ml";
  return {
    root,
    config: join(root, "input/config"),
    data: join(root, "input/data"),
    model: join(root, "model"),
    outputData: join(root, "output/data"),
    failure: join(root, "output/failure"),
  };
}
