import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, resolve, sep } from "node:path";
import { gunzipSync } from "node:zlib";

const block = 512;

/**
 * Unpacks the model.tar.gz of a training job: plain files and folders, as the platform packs them.
 * @throws Error for an entry that would lie outside of the folder.
 */
export function untar(file: string, directory: string): void {
  const content = gunzipSync(readFileSync(file));
  let longName: string | undefined;
  for (let at = 0; at + block <= content.length; ) {
    const head = content.subarray(at, at + block);
    if (head[0] === 0) break; // an empty block ends the archive
    const size = Number.parseInt(field(head, 124, 12), 8) || 0;
    const type = String.fromCharCode(head[156] as number);
    const body = content.subarray(at + block, at + block + size);
    at += block + Math.ceil(size / block) * block;
    if (type === "L") {
      longName = field(body, 0, size);
    } else if (type === "x") {
      longName = /\d+ path=(.*)\n/.exec(body.toString("utf8"))?.[1] ?? longName;
    } else {
      const prefix = field(head, 257, 5) === "ustar" ? field(head, 345, 155) : "";
      const name = longName ?? (prefix === "" ? field(head, 0, 100) : `${prefix}/${field(head, 0, 100)}`);
      longName = undefined;
      if (type === "0" || type === "\0") place(directory, name, body);
    }
  }
}

function place(directory: string, name: string, body: Buffer): void {
  const path = resolve(directory, name);
  if (!path.startsWith(resolve(directory) + sep)) throw new Error(`the archive has an entry outside of it: ${name}`);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(join(path), body);
}

function field(bytes: Buffer, from: number, length: number): string {
  const text = bytes.subarray(from, from + length);
  const end = text.indexOf(0);
  return text.toString("utf8", 0, end < 0 ? length : end);
}
