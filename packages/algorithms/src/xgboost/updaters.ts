import { CustomerError } from "../job/errors.ts";
import type { XGBoostHyperparameters } from "./hyperparameters.ts";

const growers = ["grow_colmaker", "distcol", "grow_histmaker", "grow_skmaker"];
const treeUpdaters = [...growers, "sync", "refresh", "prune"];
const linearUpdaters = ["shotgun", "coord_descent"];

/** @throws CustomerError where the steps of a round do not fit the booster. */
export function checkUpdaters({ updater, booster, process_type }: XGBoostHyperparameters): void {
  if (updater === undefined) return;
  const names = updater.split(",").map((name) => name.trim());
  const known =
    booster === "gblinear" ? linearUpdaters : process_type === "update" ? ["refresh", "prune"] : treeUpdaters;
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new CustomerError(
      `Hyperparameter updater: '${unknown}' is not in [${known.map((each) => `'${each}'`).join(", ")}], which ${booster ?? "gbtree"} has with process_type ${process_type ?? "default"}`,
    );
  }
  if (booster === "gblinear" && names.length !== 1)
    throw new CustomerError(`Hyperparameter updater: gblinear has exactly one, and ${updater} are ${names.length}`);
  const growing = names.filter((name) => growers.includes(name));
  if (growing.length > 1)
    throw new CustomerError(`Hyperparameter updater: only one of ${growing.join(", ")} can grow the trees`);
}
