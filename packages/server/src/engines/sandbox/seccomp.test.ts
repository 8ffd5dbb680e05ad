import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { machines, seccompFilter } from "./seccomp.ts";

const allow = "allow";
const errno = (code: number) => `errno ${code}`;

/** What the kernel answers a filter: a classic BPF interpreter for the instructions that we use. */
function judge(filter: Buffer, call: { arch: number; nr: number; args: readonly bigint[] }): string {
  const data = Buffer.alloc(64);
  data.writeUInt32LE(call.nr >>> 0, 0);
  data.writeUInt32LE(call.arch, 4);
  for (const [index, value] of call.args.entries()) data.writeBigUInt64LE(BigInt.asUintN(64, value), 16 + index * 8);
  let accumulator = 0;
  for (let at = 0; ; at++) {
    const [code, yes, no, value] = [
      filter.readUInt16LE(at * 8),
      filter.readUInt8(at * 8 + 2),
      filter.readUInt8(at * 8 + 3),
      filter.readUInt32LE(at * 8 + 4),
    ];
    if (code === 0x20) accumulator = data.readUInt32LE(value);
    else if (code === 0x15) at += accumulator === value ? yes : no;
    else if (code === 0x35) at += accumulator >= value ? yes : no;
    else if (code === 0x45) at += (accumulator & value) !== 0 ? yes : no;
    else if (code === 0x06) return value === 0x7fff0000 ? allow : value === 0x80000000 ? "kill" : errno(value & 0xffff);
    else throw new Error(`instruction ${code}`);
  }
}

describe.each(Object.entries(machines))("the system call filter for %s", (machine, table) => {
  const filter = seccompFilter(machine) as Buffer;
  const call = (nr: number, ...args: bigint[]) => judge(filter, { arch: table.audit, nr, args });

  test("is a whole number of instructions that the kernel takes", () => {
    expect(filter.length % 8).toBe(0);
    expect(filter.length / 8).toBeLessThan(4096);
  });

  test("refuses what is listed, whatever the arguments", () => {
    for (const number of Object.values(table.refused)) {
      fc.assert(
        fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (arg) => call(number, arg, arg) === errno(1)),
        { numRuns: 20 },
      );
    }
  });

  test("allows every other call", () => {
    const special = new Set([...Object.values(table.refused), table.clone, table.ioctl, table.socket, 435]);
    for (let number = 0; number < 600; number++)
      if (!special.has(number)) expect([number, call(number)]).toEqual([number, allow]);
  });

  test("lets threads and processes start, but not in namespaces of their own", () => {
    expect(call(table.clone, 0x3d0f00n)).toBe(allow); // what a thread of libc asks for
    expect(call(table.clone, 17n)).toBe(allow); // SIGCHLD: fork
    for (const flag of [0x20000n, 0x2000000n, 0x4000000n, 0x8000000n, 0x10000000n, 0x20000000n, 0x40000000n]) {
      expect(call(table.clone, flag | 17n)).toBe(errno(1));
    }
    expect(call(435)).toBe(errno(38));
  });

  test("knows requests and families by their low 32 bits, as the kernel does", () => {
    const high = fc.bigInt({ min: 0n, max: 2n ** 32n - 1n }).map((each) => each << 32n);
    fc.assert(fc.property(high, (bits) => call(table.ioctl, 0n, bits | 0x5412n) === errno(1)));
    fc.assert(fc.property(high, (bits) => call(table.socket, bits | 40n) === errno(97)));
    expect(call(table.ioctl, 0n, 0x5413n)).toBe(allow);
    for (const family of [1n, 2n, 10n, 16n]) expect(call(table.socket, family)).toBe(allow);
    for (const family of [15n, 17n, 21n, 30n, 38n, 40n, 44n]) expect(call(table.socket, family)).toBe(errno(97));
  });

  test("ends a process that calls by another machine's table", () => {
    expect(judge(filter, { arch: 0x40000003, nr: 20, args: [] })).toBe("kill");
  });
});

test("x86_64 has a second way to number the same calls, which is closed", () => {
  const filter = seccompFilter("x64") as Buffer;
  expect(judge(filter, { arch: 0xc000003e, nr: 0x40000000 + 39, args: [] })).toBe(errno(38));
});

test("there is no filter for a machine without a table", () => {
  expect(seccompFilter("riscv64")).toBeUndefined();
});

test.each([
  ["x64", "/usr/include/x86_64-linux-gnu/asm/unistd_64.h"],
  ["arm64", "/usr/include/asm-generic/unistd.h"],
])("the numbers for %s are those of the kernel's header, where it is installed", (machine, header) => {
  const numbers = new Map<string, number>();
  for (const match of readOr(header).matchAll(/#define __NR(?:3264)?_(\w+) (\d+)/g))
    numbers.set(match[1] ?? "", Number(match[2]));
  const table = machines[machine];
  for (const [name, number] of Object.entries({
    ...table?.refused,
    clone: table?.clone,
    ioctl: table?.ioctl,
    socket: table?.socket,
  })) {
    // Headers older than a call do not name it.
    if (numbers.has(name)) expect([name, number]).toEqual([name, numbers.get(name)]);
  }
});

function readOr(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return ""; // no headers here: nothing to compare with
  }
}
