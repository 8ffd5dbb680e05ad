import { expect, test } from "vitest";
import { InstallProgress } from "./install-progress.ts";

/** What is said after each line. */
function read(progress: InstallProgress, lines: string): (string | undefined)[] {
  return lines
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => progress.read(line)?.text);
}

test("a pip that fetches while it looks knows no share until it installs", () => {
  const progress = new InstallProgress();
  const said = read(
    progress,
    `
Looking in links: /opt/wheels
Collecting boto3
  Downloading boto3-1.44.8-py3-none-any.whl (140 kB)
Collecting numpy<2
  Downloading numpy-1.26.4-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl (18.3 MB)
Collecting python_dateutil<3.0.0,>=2.1
  Using cached python_dateutil-2.9.0.post0-py2.py3-none-any.whl (229 kB)
Requirement already satisfied: setuptools in ./lib/python3.11/site-packages (66.1.1)
Installing collected packages: numpy, python-dateutil, boto3`,
  );
  expect(said).toEqual([
    undefined,
    "found boto3 (1 package, 0 MB so far)",
    "fetched boto3 1.44.8 (1 package, 0 MB so far)",
    "found numpy (2 packages, 0 MB so far)",
    "fetched numpy 1.26.4 (2 packages, 18 MB so far)",
    "found python_dateutil (3 packages, 18 MB so far)",
    "fetched python_dateutil 2.9.0.post0 (3 packages, 19 MB so far)",
    undefined,
    "80 %, installing (0 of 3 packages)",
  ]);
  expect(progress.installed(2)).toEqual({ text: "93 %, installing (2 of 3 packages)", share: expect.closeTo(0.933) });
  expect(progress.installed(7)?.share).toBe(1);
});

test("a pip whose index serves metadata counts packages of the total", () => {
  const progress = new InstallProgress();
  const said = read(
    progress,
    `
Collecting boto3
  Downloading boto3-1.44.8-py3-none-any.whl.metadata (6.7 kB)
Collecting six
  Using cached six-1.17.0-py2.py3-none-any.whl.metadata (1.7 kB)
Downloading boto3-1.44.8-py3-none-any.whl (140 kB)
Using cached six-1.17.0-py2.py3-none-any.whl (11 kB)
Installing collected packages: six, boto3`,
  );
  expect(said).toEqual([
    "found boto3 (1 package, 0 MB so far)",
    undefined,
    "found six (2 packages, 0 MB so far)",
    undefined,
    "40 %, fetched boto3 1.44.8 (2 packages)",
    "80 %, fetched six 1.17.0 (2 packages)",
    "80 %, installing (0 of 2 packages)",
  ]);
});

test("another try of a package counts once, and files of this host count", () => {
  const progress = new InstallProgress();
  read(progress, "Collecting a\nCollecting a==1\nCollecting A\nProcessing /opt/wheels/b-1-py3-none-any.whl");
  expect(progress.now().text).toBe("fetched b 1 (1 package, 0 MB so far)");
});

test("uv counts bytes of what it fetches", () => {
  const progress = new InstallProgress();
  const said = read(
    progress,
    `
Using Python 3.11.2 environment at: /x
Resolved 23 packages in 1.20s
Downloading torch (300.0MiB)
Downloading numpy (100.0MiB)
 Downloaded numpy
 Downloaded torch
Prepared 23 packages in 12.00s
Installed 23 packages in 300ms`,
  );
  expect(said).toEqual([
    undefined,
    "0 %, fetching (23 packages)",
    "0 %, fetching torch (23 packages)",
    "0 %, fetching numpy (23 packages)",
    "20 %, fetched numpy (23 packages)",
    "80 %, fetched torch (23 packages)",
    "80 %, installing (0 of 23 packages)",
    "80 %, installing (0 of 23 packages)",
  ]);
});
