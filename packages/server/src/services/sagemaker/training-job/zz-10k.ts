import { startJobServerOn } from "./testkit/job-server.ts";
import { openEngine } from "../../../engines/index.ts";
import { silentLog } from "../../../log.ts";
import { CloudWatchLogsClient, FilterLogEventsCommand } from "@aws-sdk/client-cloudwatch-logs";
const kind = (process.argv[2] ?? "auto") as never;
const w = await startJobServerOn((directory) => openEngine({ directory, kind, log: silentLog }));
const { objects } = w.server.platform;
const t = Date.now();
const put = async (key: string) => objects.put("data", key, (async function* () { yield Buffer.from(`1,${Math.random()},3\n`.repeat(2)); })());
for (let i = 0; i < 10000; i += 200) await Promise.all(Array.from({ length: 200 }, (_, k) => put(`many/part-${(i + k) % 50}/f-${i + k}.csv`)));
console.log("uploaded", Date.now() - t);
await put("one/a.csv");
const logs = new CloudWatchLogsClient(w.server.client);
async function once(uri: string) {
  const sent = Date.now();
  const name = await w.create({ HyperParameters: { predictor_type: "regressor", mini_batch_size: "100", epochs: "1" }, InputDataConfig: [{ ChannelName: "train", ContentType: "text/csv", DataSource: { S3DataSource: { S3DataType: "S3Prefix", S3Uri: uri } } }] });
  const job = await w.until(name, "Completed", "Failed");
  const tr = job.SecondaryStatusTransitions!.map((x) => [x.Status, x.StartTime!.getTime() - sent]);
  const { events } = await logs.send(new FilterLogEventsCommand({ logGroupName: "/aws/sagemaker/TrainingJobs", logStreamNamePrefix: name + "/" }));
  const first = events!.find((e) => !e.message!.startsWith("[sagebrush]"))!;
  console.log(uri, job.TrainingJobStatus, job.FailureReason, "first line", first.timestamp! - sent, JSON.stringify(tr));
}
for (const uri of ["s3://data/one/", "s3://data/many/", "s3://data/one/", "s3://data/many/", "s3://data/one/", "s3://data/many/"]) await once(uri);
await w.close();
