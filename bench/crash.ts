import { crashRun } from "../test/e2e/crash/crash-run.ts";
import { median, quantile, report } from "./support/report.ts";

/** 200 times SIGKILL to a server at work; what it acknowledged must be there, whole, and every job must complete. */
const kills = Number(process.argv[2] ?? 200);
const { lost, acknowledged, jobs, restartSeconds, invokeSeconds } = await crashRun({
  kills,
  jobs: 120,
  onKill: (count) => {
    if (count % 10 === 0) process.stderr.write(`${count} of ${kills} kills\n`);
  },
});
for (const line of lost) process.stderr.write(`lost: ${line}\n`);
report("crash", [
  { what: `acknowledged writes lost in ${kills} kills`, value: lost.length, unit: "", must: "<= 0" },
  { what: "writes acknowledged", value: acknowledged, unit: "" },
  { what: "training jobs among them, all completed", value: jobs, unit: "" },
  { what: "restart to listening, median", value: median(restartSeconds), unit: "s" },
  { what: "listening to the endpoint's first answer, longest", value: quantile(invokeSeconds, 1), unit: "s" },
  { what: "restart to listening, longest", value: quantile(restartSeconds, 1), unit: "s" },
]);
