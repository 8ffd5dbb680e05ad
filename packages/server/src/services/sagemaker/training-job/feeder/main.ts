/**
 * Feeds the Pipe channels of one run: `node main.ts FOLDER`. The server starts it detached, so that it outlives the server;
 * an epoch that ended with the server would look whole to its reader. Its folder says what it feeds, who it is and how it
 * goes (`feed-plan.ts`). It ends when it is killed, or when its folder is gone.
 */
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { bootId, isAlive, parseIdentity, startOf } from "../../../../process-identity.ts";
import { ChannelFeed } from "./feed-channel.ts";
import { FeedError, type FeederFault, feederFiles, parseFeedPlan } from "./feed-plan.ts";
import { FifoFolder } from "./fifo-folder.ts";

/** How often it looks whether its run is still wanted: whoever removes the run's folder may not know of this process. */
const lookMs = 2_000;

const folder = process.argv[2] ?? "";
const file = (name: string) => join(folder, name);

function readOr(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return ""; // not there (any more), which is what the callers ask
  }
}

/** Makes this process the folder's one feeder: of two links to one name, one fails. */
function takeOver(): boolean {
  const mine = file(`pid.${process.pid}`);
  writeFileSync(mine, `${process.pid} ${startOf(process.pid)} ${bootId()}\n`, { mode: 0o600 });
  try {
    linkSync(mine, file(feederFiles.pid));
    return true;
  } catch {
    const other = parseIdentity(readOr(file(feederFiles.pid)));
    if (other && isAlive(other)) return false;
    linkedOver(mine);
    return true;
  } finally {
    rmSync(mine, { force: true });
  }
}

/** A feeder that died before the run began is replaced; afterwards the server fails the job instead of starting another. */
function linkedOver(mine: string): void {
  const copy = `${mine}.new`;
  linkSync(mine, copy);
  renameSync(copy, file(feederFiles.pid));
}

function write(name: string, text: string): void {
  writeFileSync(file(`${name}.new`), text, { mode: 0o600 });
  renameSync(file(`${name}.new`), file(name));
}

/** Ends without waiting for the threads that wait for a reader, as an exit would. */
function end(): never {
  process.kill(process.pid, "SIGKILL");
  throw new Error("unreachable");
}

/** The first fault is the one that is told. The streams stand still until the server has ended the run. */
function fail(error: unknown): void {
  if (readOr(file(feederFiles.failed)) !== "") return;
  const by: FeederFault["by"] = error instanceof FeedError ? "input" : "platform";
  const fault: FeederFault = { by, message: error instanceof Error ? error.message : String(error) };
  write(feederFiles.failed, JSON.stringify(fault));
}

async function feed(): Promise<void> {
  if (!takeOver()) end();
  const identity = readOr(file(feederFiles.pid));
  setInterval(() => {
    if (readOr(file(feederFiles.pid)) !== identity) end();
  }, lookMs);
  try {
    const plan = parseFeedPlan(readFileSync(file(feederFiles.plan), "utf8"));
    const fifos = FifoFolder.open(plan.directory);
    const feeds = plan.channels.map((channel) => new ChannelFeed(channel, fifos, folder));
    await Promise.all(feeds.map((each) => each.prepare()));
    write(feederFiles.ready, "");
    for (const each of feeds) each.run().catch(fail);
  } catch (error) {
    fail(error);
  }
}

process.on("SIGHUP", () => undefined); // a terminal that closes is no reason to cut a stream
await feed();
