import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";

/** One request to a subscriber. */
export interface Received {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A subscriber's server on a loopback port, which takes everything unless a test says otherwise. */
export interface Subscriber {
  /** `http://127.0.0.1:PORT` */
  readonly address: string;
  readonly received: Received[];
  /** What it answers: a status, or a status with headers. */
  answer: (received: Received) => number | readonly [status: number, headers: Record<string, string>];
  /** Bodies that were JSON, parsed. */
  messages(): Record<string, string>[];
  close(): Promise<void>;
}

/** Starts one. */
export async function startSubscriber(): Promise<Subscriber> {
  const server = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (chunk: string) => (body += chunk));
    request.on("end", () => {
      const received = { path: request.url ?? "", headers: request.headers, body };
      subscriber.received.push(received);
      const answer = subscriber.answer(received);
      const [status, headers] = typeof answer === "number" ? [answer, {}] : answer;
      response.writeHead(status, headers).end("taken");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const subscriber: Subscriber = {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received: [],
    answer: () => 200,
    messages: () => subscriber.received.map(({ body }) => JSON.parse(body) as Record<string, string>),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return subscriber;
}
