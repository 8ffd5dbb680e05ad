import { randomUUID } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { open, rename, stat } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";

/**
 * The reference for bytes: a bare `node:http` server that writes each PUT to a file, fsyncs and renames it, and reads
 * each GET from it. No signature, no digest, no records. Its folder is the first argument; it prints its port.
 */
const folder = process.argv[2] as string;

const server = createServer((request, response) => {
  const path = join(folder, (request.url as string).slice(1).replaceAll("/", "-"));
  const work = request.method === "PUT" ? put() : get();
  work.catch((error: unknown) => response.destroy(error as Error));

  async function put(): Promise<void> {
    const beside = `${path}.${randomUUID()}`;
    await pipeline(request, createWriteStream(beside));
    const file = await open(beside, "r+");
    await file.sync();
    await file.close();
    await rename(beside, path);
    response.end();
  }

  async function get(): Promise<void> {
    const { size } = await stat(path);
    response.setHeader("content-length", size);
    await pipeline(createReadStream(path), response);
  }
});

server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  process.stdout.write(`${typeof address === "object" && address ? address.port : 0}\n`);
});
