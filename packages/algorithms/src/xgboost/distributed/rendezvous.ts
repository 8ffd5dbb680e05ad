import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { setTimeout } from "node:timers/promises";
import type { HostReport, Plan } from "./join-peers.ts";

/** On the job's own network, where nobody else is. */
const port = 9091;
/** Hosts start at different times, and read different amounts of data before they come here. */
const patienceMillis = 24 * 3600_000;
const retryMillis = 100;
const maxLineCharacters = 64 * 1024;

/** The hosts of a job, gathered at the first one. */
interface Gathering {
  readonly reports: readonly HostReport[];
  /** Tells the other hosts what they are to do. */
  tell(plan: Plan): void;
  /** Resolves when every other host has hung up. */
  othersAreDone(): Promise<void>;
  close(): void;
}

/**
 * Waits at the first host until all others have reported.
 * @param address - This host's own, where the others find it.
 */
export async function gatherHosts(
  own: HostReport,
  { address, count, signal }: { address: string; count: number; signal: AbortSignal },
): Promise<Gathering> {
  const sockets: Socket[] = [];
  const reports: HostReport[] = [own];
  const { promise: complete, resolve } = Promise.withResolvers<void>();
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on("error", () => socket.destroy()); // gone: seen as its closing
    void firstLine(socket).then(
      (line) => {
        reports.push(JSON.parse(line) as HostReport);
        if (reports.length === count) resolve();
      },
      () => socket.destroy(),
    );
  });
  const close = () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  };
  server.listen(port, address);
  try {
    await once(server, "listening");
    const { promise: stopped, reject } = Promise.withResolvers<never>();
    signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
    signal.throwIfAborted();
    await Promise.race([complete, stopped]);
  } catch (error) {
    close();
    throw error;
  }
  return {
    reports,
    tell: (plan) => {
      for (const socket of sockets) socket.write(`${JSON.stringify(plan)}\n`);
    },
    othersAreDone: async () => {
      await Promise.all(sockets.map(async (socket) => socket.closed || (await once(socket, "close"))));
    },
    close,
  };
}

/** Reports to the first host, and waits for what it says. The connection stays until `close`. */
export async function reportTo(
  leader: string,
  report: HostReport,
  signal: AbortSignal,
): Promise<{ plan: Plan; close: () => Promise<void> }> {
  const socket = await connectTo(leader, signal);
  socket.write(`${JSON.stringify(report)}\n`);
  const { promise: stopped, reject } = Promise.withResolvers<never>();
  signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
  try {
    const line = await Promise.race([firstLine(socket), stopped]);
    socket.on("error", () => socket.destroy()); // the first host has ended before us: nothing is left to tell it
    return { plan: JSON.parse(line) as Plan, close: async () => void socket.destroy() };
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

/** The first host may not be there yet, nor its name be known. */
async function connectTo(leader: string, signal: AbortSignal): Promise<Socket> {
  for (const deadline = Date.now() + patienceMillis; ; ) {
    const socket = connect({ host: leader, port });
    try {
      await once(socket, "connect", { signal });
      return socket;
    } catch (error) {
      socket.destroy();
      signal.throwIfAborted();
      if (Date.now() > deadline) throw error;
      await setTimeout(retryMillis, undefined, { signal });
    }
  }
}

async function firstLine(socket: Socket): Promise<string> {
  const lines = createInterface({ input: socket });
  for await (const line of lines) {
    if (line.length > maxLineCharacters) break;
    return line;
  }
  throw new Error("a host hung up before it said anything");
}
