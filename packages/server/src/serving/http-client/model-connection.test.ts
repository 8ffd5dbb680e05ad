import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type Failure, ModelConnection } from "./model-connection.ts";
import { postHead } from "./request-head.ts";

let folder: string;
let server: Server;
let sockets: Socket[];
/** What the server does with the bytes of a request. */
let onBytes: (socket: Socket, bytes: Buffer) => void;
let lost: ModelConnection[];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "model-connection-"));
  [sockets, lost] = [[], []];
  server = createServer((socket) => {
    sockets.push(socket);
    socket.on("error", () => undefined);
    socket.on("data", (bytes) => onBytes(socket, bytes));
  });
  server.listen(join(folder, "s"));
  await once(server, "listening");
});
afterEach(() => {
  for (const socket of sockets) socket.destroy();
  server.close();
  rmSync(folder, { recursive: true, force: true });
});

const ok = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

function open(address = `unix:${join(folder, "s")}`): ModelConnection {
  return new ModelConnection(address, (connection) => lost.push(connection));
}

interface Outcome {
  readonly status?: number;
  readonly body?: string;
  readonly failure?: Failure;
}

function ask(connection: ModelConnection, body = Buffer.from("x"), timeoutMs = 5_000): Promise<Outcome> {
  return new Promise((resolve) => {
    let status = 0;
    const parts: Buffer[] = [];
    connection.send(postHead("/invocations", ["a", "b"], body.length), body, timeoutMs, {
      onHead: (head) => (status = head.status),
      onBody: (bytes) => parts.push(bytes) > 0,
      onEnd: () => resolve({ status, body: Buffer.concat(parts).toString() }),
      onFailure: (failure) => resolve({ failure }),
    });
  });
}

test("one connection carries request after request", async () => {
  const seen: string[] = [];
  onBytes = (socket, bytes) => {
    seen.push(bytes.toString());
    socket.write(ok);
  };
  const connection = open();
  for (let n = 0; n < 3; n++) {
    expect(await ask(connection)).toEqual({ status: 200, body: "ok" });
    expect(connection.isUsable).toBe(true);
  }
  expect(sockets).toHaveLength(1);
  expect(seen[2]).toBe(
    "POST /invocations HTTP/1.1\r\nhost: localhost\r\nconnection: keep-alive\r\na: b\r\ncontent-length: 1\r\n\r\nx",
  );
  connection.close();
  await vi.waitFor(() => expect(lost).toContain(connection));
});

test("it works over TCP as well", async () => {
  onBytes = (socket) => void socket.write(ok);
  const other = createServer((socket) => socket.on("data", (bytes) => onBytes(socket, bytes))).listen(0, "127.0.0.1");
  await once(other, "listening");
  const connection = open(`tcp:127.0.0.1:${(other.address() as AddressInfo).port}`);
  expect(await ask(connection)).toEqual({ status: 200, body: "ok" });
  connection.close();
  other.close();
});

test("a body larger than one write and one read comes back whole", async () => {
  const body = Buffer.alloc(3_000_000, "abcdefg");
  let left = 0;
  onBytes = (socket, bytes) => {
    if (left === 0) {
      left = bytes.indexOf("\r\n\r\n") + 4 + body.length;
      socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${left}\r\n\r\n`);
    }
    left -= bytes.length;
    socket.write(bytes);
  };
  const connection = open();
  const { body: answer = "" } = await ask(connection, body);
  expect(answer.slice(answer.indexOf("\r\n\r\n") + 4) === body.toString()).toBe(true);
  connection.close();
});

test("reading stops while the handler wants no more", async () => {
  const size = 8_000_000;
  onBytes = (socket) => {
    socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${size}\r\n\r\n`);
    socket.write(Buffer.alloc(size));
  };
  const connection = open();
  let got = 0;
  let wants = false;
  const done = new Promise<void>((resolve, reject) => {
    connection.send(postHead("/", [], 0), Buffer.alloc(0), 5_000, {
      onHead: () => undefined,
      onBody: (bytes) => {
        got += bytes.length;
        return wants;
      },
      onEnd: resolve,
      onFailure: () => reject(new Error("failed")),
    });
  });
  await vi.waitFor(() => expect(got).toBeGreaterThan(0));
  const [socket] = sockets;
  // What the server cannot send shows that nobody reads: its buffer does not empty.
  for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
  expect(got).toBeLessThan(1_000_000);
  expect(socket?.writableLength).toBeGreaterThan(1_000_000);
  wants = true;
  connection.resume();
  await done;
  expect(got).toBe(size);
  connection.close();
});

test("nobody listening is a refusal", async () => {
  expect(await ask(open(`unix:${join(folder, "none")}`))).toMatchObject({ failure: { kind: "refused" } });
});

test.for([
  ["", false],
  ["HTT", true],
  ["HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab", true],
  ["HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n", true],
] as const)("a connection that breaks after %j is broken", async ([text, sawBytes]) => {
  onBytes = (socket) => void socket.end(text);
  const connection = open();
  expect(await ask(connection)).toMatchObject({ failure: { kind: "broken", sawBytes } });
  expect(connection.isUsable).toBe(false);
});

test("a body may end with the connection, but not with its breaking", async () => {
  onBytes = (socket) => void socket.end("HTTP/1.1 200 OK\r\n\r\nuntil the end");
  expect(await ask(open())).toEqual({ status: 200, body: "until the end" });
});

test("what is not HTTP closes the connection", async () => {
  onBytes = (socket) => void socket.write("SSH-2.0\r\n");
  const connection = open();
  expect(await ask(connection)).toMatchObject({ failure: { kind: "broken", sawBytes: true } });
  await vi.waitFor(() => expect(lost).toContain(connection));
});

test("an answer that takes too long is given up and the connection with it", async () => {
  onBytes = () => undefined;
  const connection = open();
  expect(await ask(connection, Buffer.from("x"), 20)).toEqual({ failure: { kind: "timeout" } });
  expect(connection.isUsable).toBe(false);
  await vi.waitFor(() => expect(lost).toContain(connection));
});

test.for([
  ["the server says so", "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok"],
  ["bytes follow the answer", `${ok}HTTP/1.1 200 OK\r\n`],
  ["the server hardly keeps it", "HTTP/1.1 200 OK\r\nkeep-alive: timeout=1\r\ncontent-length: 2\r\n\r\nok"],
] as const)("a connection is not used again when %s", async ([, text]) => {
  onBytes = (socket) => void socket.write(text);
  const connection = open();
  expect(await ask(connection)).toEqual({ status: 200, body: "ok" });
  expect(connection.isUsable).toBe(false);
  connection.close();
});

test.for(["end", "write"] as const)("an idle connection that hears a server's %s is lost", async (what) => {
  onBytes = (socket) => void socket.write(ok);
  const connection = open();
  await ask(connection);
  if (what === "end") sockets[0]?.end();
  else sockets[0]?.write(ok);
  await vi.waitFor(() => expect(lost).toContain(connection));
  expect(connection.isUsable).toBe(false);
});

test("a header's value cannot begin another header", () => {
  expect(() => postHead("/", ["a", "b\r\nc: d"], 0)).toThrow();
});
