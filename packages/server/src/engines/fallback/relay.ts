/**
 * Carries connections across the border of a run's network, as `native/network.c` does: `node relay.ts FROM TO ...`,
 * started inside the run's network namespace. Ends when its input does, which is when its supervisor has gone.
 */
import { rmSync } from "node:fs";
import { connect, createServer, type ListenOptions, type NetConnectOpts, type Server, type Socket } from "node:net";

/** As many as the native relay has room for; others wait, as in its backlog. */
const maxCarried = 256;
const maxConnections = 1024;

let carried = 0;
const waiting: (() => void)[] = [];

/** Lets the next connection begin as soon as there is room for it. */
function admit(came: Socket, to: NetConnectOpts): void {
  const begin = () => {
    if (came.destroyed) return;
    carried++;
    came.once("close", () => {
      carried--;
      while (carried < maxCarried && waiting.length > 0) waiting.shift()?.();
    });
    carry(came, to);
  };
  if (carried < maxCarried) begin();
  else waiting.push(begin);
  came.on("error", () => undefined); // it gave up while it waited
}

function parse(text: string): { path: string } | { host: string; port: number } {
  if (text.startsWith("unix:")) return { path: text.slice("unix:".length) };
  const match = /^tcp:([\d.]+):(\d+)$/.exec(text);
  if (match === null) throw new Error(`${text} is no address`);
  return { host: match[1] ?? "", port: Number(match[2]) };
}

function carry(came: Socket, to: NetConnectOpts): void {
  const on = connect({ ...to, allowHalfOpen: true });
  let reached = false;
  on.once("connect", () => {
    reached = true;
    came.pipe(on).pipe(came);
  });
  came.on("error", () => on.destroy());
  // Nobody there: told at once. Unix sockets, which have no remote address, know no reset.
  on.on("error", () => (reached || came.remoteAddress === undefined ? came.destroy() : came.resetAndDestroy()));
  came.on("close", () => on.destroy());
  on.on("close", () => came.destroySoon());
}

function listen(from: string, to: string): Promise<Server> {
  const address: ListenOptions = parse(from);
  if (address.path !== undefined) rmSync(address.path, { force: true });
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (came) => admit(came, parse(to)));
  server.maxConnections = maxConnections;
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(address, () => resolve(server));
  });
}

const words = process.argv.slice(2);
try {
  for (let at = 0; at + 1 < words.length; at += 2) await listen(words[at] ?? "", words[at + 1] ?? "");
  process.stdout.write("ok\n");
} catch (error) {
  process.stdout.write(`relay of the run: ${(error as Error).message}\n`);
}
process.stdin.on("close", () => process.exit(0)).resume();
