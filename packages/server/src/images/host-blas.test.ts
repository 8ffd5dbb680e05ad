import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { findBlas } from "./host-blas.ts";

let root: string;
beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), "host-blas-")));
});
afterEach(() => rmSync(root, { recursive: true }));

const environment = () => ({ HOME: join(root, "home/me") });

function make(path: string): string {
  const file = join(root, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, "");
  return file;
}

test("a host without any has none", () => {
  make("usr/lib/x86_64-linux-gnu/libblas.so.3");
  expect(findBlas(root, environment())).toBeUndefined();
});

test("the system's comes before that of a wheel, by its real path", () => {
  make("usr/local/lib/python3.13/dist-packages/numpy.libs/libscipy_openblas64_-1a2b.so");
  const real = make("usr/lib/x86_64-linux-gnu/openblas-pthread/libopenblasp-r0.3.29.so");
  symlinkSync(real, join(dirname(real), "libopenblas.so.0"));
  expect(findBlas(root, environment())).toBe(real);
});

test.for([
  "usr/lib64/libopenblasp.so.0",
  "usr/local/lib/python3.11/dist-packages/scipy.libs/libscipy_openblas-6cdc.so",
  "home/me/.local/lib/python3.12/site-packages/numpy.libs/libscipy_openblas64_-32a4.so",
])("%s is one", (path) => {
  const file = make(path);
  expect(findBlas(root, environment())).toBe(file);
});

test("a virtual environment that the server was started in is looked into", () => {
  const file = make("work/venv/lib/python3.13/site-packages/scipy.libs/libscipy_openblas-6cdc.so");
  expect(findBlas(root, { ...environment(), VIRTUAL_ENV: join(root, "work/venv") })).toBe(file);
});
