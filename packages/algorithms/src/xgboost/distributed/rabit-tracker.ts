import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { rabitLinks } from "./rabit-links.ts";
import { SocketReader, socketText } from "./socket-reader.ts";

/** Both sides begin with it. */
const magic = 0xff99;

/** A host that has come to the tracker. */
interface Arrival {
  readonly reader: SocketReader;
  readonly socket: Socket;
  readonly address: string;
  readonly task: string;
}

/** A host that listens for some of the others. */
interface Listening {
  readonly address: string;
  readonly port: number;
  /** How many are still to connect to it. */
  left: number;
}

/**
 * The tracker of the library's collective as versions before 2.1 speak to it (rabit): it gives hosts their ranks in the
 * order of their task ids and tells each whom to connect to. All numbers are 32 bits in the host's order of bytes.
 */
export class RabitTracker {
  readonly #members: number;
  readonly #waiting: Arrival[] = [];
  readonly #listening = new Map<number, Listening>();

  constructor(members: number) {
    this.#members = members;
  }

  /** @returns The port. */
  async listen(address: string): Promise<number> {
    const server = createServer((socket) => {
      socket.on("error", () => socket.destroy()); // a host that failed; its job ends for it
      this.#arrive(socket).catch(() => socket.destroy());
    });
    server.listen(0, address);
    await once(server, "listening");
    return (server.address() as AddressInfo).port;
  }

  async #arrive(socket: Socket): Promise<void> {
    const reader = new SocketReader(socket);
    if ((await reader.number()) !== magic) throw new Error("this is no host of the collective");
    socket.write(numbers(magic));
    await reader.number(); // its rank, which it has none of at the start
    await reader.number(); // how many hosts it thinks there are
    const task = await reader.text();
    const command = await reader.text();
    if (command !== "start") return; // "shutdown" and "print" want no answer
    this.#waiting.push({ reader, socket, address: socket.remoteAddress ?? "", task });
    if (this.#waiting.length === this.#members) await this.#assign();
  }

  /** One after the other: a host must listen before others are sent to it. */
  async #assign(): Promise<void> {
    const links = rabitLinks(this.#members);
    const arrivals = this.#waiting.splice(0).sort((a, b) => (a.task < b.task ? -1 : 1));
    for (const [rank, arrival] of arrivals.entries()) {
      const neighbours = links.neighbours[rank] ?? [];
      const [before, behind] = [rank - 1, rank + 1].map((other) => (other + this.#members) % this.#members) as [
        number,
        number,
      ];
      arrival.socket.write(
        numbers(rank, links.parents[rank] ?? -1, this.#members, neighbours.length, ...neighbours, before, behind),
      );
      await this.#connect(rank, arrival, new Set([...neighbours, before, behind]));
    }
  }

  /** Sends a host to those that listen already, until it has reached them all. */
  async #connect(rank: number, { reader, socket, address }: Arrival, wanted: ReadonlySet<number>): Promise<void> {
    for (;;) {
      const reached = new Set(await reader.list());
      const missing = [...wanted].filter((other) => !reached.has(other));
      const there = missing.filter((other) => this.#listening.has(other));
      socket.write(numbers(there.length, missing.length - there.length));
      for (const other of there) {
        const { address: at, port } = this.#listening.get(other) as Listening;
        socket.write(Buffer.concat([socketText(at), numbers(port, other)]));
      }
      if ((await reader.number()) !== 0) continue; // some could not be reached: once more
      const port = await reader.number();
      for (const other of there) {
        const listening = this.#listening.get(other) as Listening;
        if (--listening.left === 0) this.#listening.delete(other);
      }
      const left = missing.length - there.length;
      if (left > 0) this.#listening.set(rank, { address, port, left });
      return;
    }
  }
}

function numbers(...values: number[]): Buffer {
  return Buffer.from(Int32Array.from(values).buffer);
}
