import { expect, test } from "vitest";
import { parseLdd } from "./minimal-root.ts";

test("ldd's answer is read: names, the loader, what needs no file, what is missing", () => {
  const text = `\tlinux-vdso.so.1 (0x00007ffd)
\tlibdl.so.2 => /lib/x86_64-linux-gnu/libdl.so.2 (0x00007f08)
\tlibodd name.so => not found
\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f09)
\t/lib64/ld-linux-x86-64.so.2 (0x00007f0a)
`;
  expect(parseLdd(text)).toEqual([
    "/lib/x86_64-linux-gnu/libdl.so.2",
    "/lib/x86_64-linux-gnu/libc.so.6",
    "/lib64/ld-linux-x86-64.so.2",
  ]);
});

test("a static program needs nothing", () => {
  expect(parseLdd("\tnot a dynamic executable\n")).toEqual([]);
});
