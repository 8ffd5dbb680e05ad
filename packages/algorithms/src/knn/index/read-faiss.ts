import type { FileHandle } from "node:fs/promises";
import { open } from "node:fs/promises";
import { codewords as wordCount } from "../kernels/layout.ts";
import type { Metric } from "../search/scanner.ts";
import { strideOf } from "../search/stride.ts";
import { type RowMemory, RowStore } from "./row-store.ts";
import type { FlatIndex, VectorIndex } from "./vector-index.ts";
import { metricNumbers } from "./write-faiss.ts";

/** Bytes that are read at once where rows have to be padded. */
const pieceBytes = 1024 * 1024;
/** Features of a row, far beyond any: what is larger is no index. */
const mostWidth = 1 << 24;
/** Numbers that rows are called by here. */
const mostRows = 2 ** 31 - 1;

/**
 * Reads an index that `faiss.write_index` or `writeFaiss` wrote: IndexFlat, IndexIVFFlat or IndexIVFPQ.
 * @throws Error saying what the file has instead.
 */
export async function readFaiss(path: string, memory: RowMemory): Promise<VectorIndex> {
  const file = await open(path, "r");
  try {
    const { size } = await file.stat();
    return await new IndexReader(new Input(file, size), memory).read();
  } finally {
    await file.close();
  }
}

interface Header {
  readonly width: number;
  readonly count: number;
  readonly metric: Metric;
}

class IndexReader {
  readonly #input: Input;
  readonly #memory: RowMemory;

  constructor(input: Input, memory: RowMemory) {
    this.#input = input;
    this.#memory = memory;
  }

  async read(): Promise<VectorIndex> {
    const name = await this.#input.name();
    if (name === "IxF2" || name === "IxFI" || name === "IxFl") return await this.#flat();
    if (name !== "IwFl" && name !== "IwPQ") {
      throw this.#input.wrong(`an index of type '${name}': expected IndexFlat, IndexIVFFlat or IndexIVFPQ`);
    }
    const header = await this.#header();
    const [lists, probes] = [await this.#input.size(), await this.#input.size()];
    const quantizer = await this.#input.name();
    if (!quantizer.startsWith("IxF")) throw this.#input.wrong(`a coarse quantizer of type '${quantizer}'`);
    const { rows: centroids, width } = await this.#flat();
    if (width !== header.width || centroids.count !== lists || lists === 0 || probes === 0) {
      throw this.#input.wrong(
        `${centroids.count} centroids of ${width} features for ${lists} lists of ${header.width}`,
      );
    }
    await this.#directMap();
    if (name === "IwFl") {
      const stored = await this.#lists(header, lists, 4 * width, strideOf(width) * 4);
      return { ...header, kind: "ivf-flat", centroids, probes, ...stored };
    }
    const { parts, codewords } = await this.#quantizer(header);
    return {
      ...header,
      kind: "ivf-pq",
      centroids,
      probes,
      parts,
      codewords,
      ...(await this.#lists(header, lists, parts, parts)),
    };
  }

  async #header(): Promise<Header> {
    const bytes = await this.#input.bytes(33);
    const [width, count] = [bytes.readInt32LE(0), Number(bytes.readBigInt64LE(4))];
    const number = bytes.readInt32LE(29);
    const metric = (Object.keys(metricNumbers) as Metric[]).find((each) => metricNumbers[each] === number);
    if (metric === undefined) throw this.#input.wrong(`a metric of number ${number}: expected L2 or inner product`);
    if (width < 1 || width > mostWidth || count < 0 || count > mostRows) {
      throw this.#input.wrong(`${count} rows of ${width} features`);
    }
    if (bytes.readUInt8(28) === 0) throw this.#input.wrong("an index that was not trained");
    return { width, count, metric };
  }

  async #flat(): Promise<FlatIndex> {
    const header = await this.#header();
    const { width, count } = header;
    await this.#input.expectSize(count * width, "floats of rows");
    const rows = new RowStore(this.#memory, strideOf(width) * 4, Math.max(1, count));
    await this.#rows(rows, 0, count, 4 * width);
    let id = 0;
    for (const { block, first, count: some } of rows.runs()) {
      for (let i = first; i < first + some; i++) block.ids[i] = id++;
    }
    return { ...header, kind: "flat", rows };
  }

  /** From ids to places: not needed, and passed over. */
  async #directMap(): Promise<void> {
    const type = (await this.#input.bytes(1)).readUInt8();
    await this.#input.skip((await this.#input.size()) * 8);
    if (type === 2) await this.#input.skip((await this.#input.size()) * 16);
  }

  async #quantizer({ width }: Header): Promise<{ parts: number; codewords: Float32Array }> {
    const isResidual = (await this.#input.bytes(1)).readUInt8() === 1;
    const [codeBytes, ownWidth, parts, bits] = [
      await this.#input.size(),
      await this.#input.size(),
      await this.#input.size(),
      await this.#input.size(),
    ];
    if (!isResidual || ownWidth !== width || codeBytes !== parts || bits !== 8 || parts === 0 || width % parts !== 0) {
      throw this.#input.wrong(`codes of ${parts} parts of ${bits} bits: expected bytes, of residuals`);
    }
    await this.#input.expectSize(wordCount * width, "floats of codewords");
    const codewords = new Float32Array(wordCount * width);
    await this.#input.into(new Uint8Array(codewords.buffer));
    return { parts, codewords };
  }

  async #lists(header: Header, lists: number, codeBytes: number, rowBytes: number) {
    const name = await this.#input.name();
    if (name !== "ilar") throw this.#input.wrong(`inverted lists of type '${name}'`);
    await this.#input.expectSize(lists, "lists");
    await this.#input.expectSize(codeBytes, "bytes of a row");
    const offsets = offsetsOf(await this.#lengths(lists));
    if (offsets[lists] !== header.count) {
      throw this.#input.wrong(`${offsets[lists]} rows in lists where ${header.count} were announced`);
    }
    const rows = new RowStore(this.#memory, rowBytes, Math.max(1, header.count));
    for (let list = 0; list < lists; list++) {
      const first = offsets[list] as number;
      const length = (offsets[list + 1] as number) - first;
      await this.#rows(rows, first, length, codeBytes);
      await this.#ids(rows, first, length, header.count);
    }
    return { rows, offsets };
  }

  /** Either all lengths, or those that are not 0 with their lists. */
  async #lengths(lists: number): Promise<Float64Array> {
    const form = await this.#input.name();
    const count = await this.#input.size();
    if ((form !== "full" && form !== "sprs") || count > 2 * lists) throw this.#input.wrong(`list lengths '${form}'`);
    const values: number[] = [];
    for (let i = 0; i < count; i++) values.push(await this.#input.size());
    const lengths = new Float64Array(lists);
    if (form === "full") lengths.set(values);
    else for (let i = 0; i < count; i += 2) lengths[values[i] as number] = values[i + 1] as number;
    return lengths;
  }

  /** Reads rows, which are padded where they are features. */
  async #rows(rows: RowStore, first: number, count: number, bytes: number): Promise<void> {
    this.#input.expectRoom(count * bytes);
    rows.grow(first + count);
    for (const { block, first: from, count: some } of rows.runs(first, count)) {
      const { rowBytes } = rows;
      if (bytes === rowBytes) {
        await this.#input.into(block.bytes.subarray(from * rowBytes, (from + some) * rowBytes));
        continue;
      }
      const slice = Math.max(1, Math.floor(pieceBytes / bytes));
      for (let i = 0; i < some; i += slice) {
        const piece = await this.#input.bytes(Math.min(slice, some - i) * bytes);
        for (let row = 0; row * bytes < piece.length; row++) {
          block.bytes.set(piece.subarray(row * bytes, (row + 1) * bytes), (from + i + row) * rowBytes);
        }
      }
    }
  }

  async #ids(rows: RowStore, first: number, count: number, most: number): Promise<void> {
    for (const { block, first: from, count: some } of rows.runs(first, count)) {
      const ids = await this.#input.bytes(some * 8);
      for (let i = 0; i < some; i++) {
        const id = Number(ids.readBigInt64LE(i * 8));
        if (id < 0 || id >= most) throw this.#input.wrong(`a row of id ${id} among ${most}`);
        block.ids[from + i] = id;
      }
    }
  }
}

/** A file from front to end. */
class Input {
  readonly #file: FileHandle;
  readonly #size: number;
  #at = 0;

  constructor(file: FileHandle, size: number) {
    this.#file = file;
    this.#size = size;
  }

  /** @returns The error of a file that has something else. */
  wrong(what: string): Error {
    return new Error(`model_algo-1 is no FAISS index that can be searched here: near byte ${this.#at} it has ${what}`);
  }

  expectRoom(bytes: number): void {
    if (this.#size - this.#at >= bytes) return;
    throw this.wrong(`${this.#size - this.#at} bytes left where ${bytes} were expected`);
  }

  async into(target: Uint8Array): Promise<void> {
    this.expectRoom(target.length);
    for (let done = 0; done < target.length; ) {
      const { bytesRead } = await this.#file.read(target, done, target.length - done, this.#at);
      if (bytesRead === 0) throw this.wrong("its end");
      done += bytesRead;
      this.#at += bytesRead;
    }
  }

  async bytes(count: number): Promise<Buffer> {
    this.expectRoom(count);
    const bytes = Buffer.alloc(count);
    await this.into(bytes);
    return bytes;
  }

  async name(): Promise<string> {
    return (await this.bytes(4)).toString("latin1");
  }

  async size(): Promise<number> {
    return Number((await this.bytes(8)).readBigUInt64LE());
  }

  async skip(bytes: number): Promise<void> {
    this.expectRoom(bytes);
    this.#at += bytes;
  }

  async expectSize(wanted: number, what: string): Promise<void> {
    const size = await this.size();
    if (size !== wanted) throw this.wrong(`${size} ${what} where ${wanted} were expected`);
  }
}

function offsetsOf(lengths: Float64Array): Float64Array {
  const offsets = new Float64Array(lengths.length + 1);
  for (const [l, length] of lengths.entries()) offsets[l + 1] = (offsets[l] as number) + length;
  return offsets;
}
