import { execFileSync, spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { accessSync, constants, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";

/**
 * `npm run test:vm [-- PART ...]`: boots a minimal Debian with systemd and control groups of version 2 under QEMU, with this checkout
 * in it, and runs `guest.ts` there. Needs root and the Debian packages that `needed` names; ends by itself. The exit
 * code is 0 only if every claim of the guest passed.
 */
const root = join(import.meta.dirname, "..", "..");
const folder = join(root, ".build", "vm");
const limitMinutes = 45;
const needed = {
  "qemu-system-x86_64": "qemu-system-x86 and seabios",
  mmdebstrap: "mmdebstrap",
  mke2fs: "e2fsprogs",
};
/** What the machine has beyond a minimal Debian. pgrep is procps'. */
const packages = ["systemd-sysv", "udev", "kmod", "procps", "bubblewrap", "initramfs-tools", "linux-image-cloud-amd64"];
const suite = "bookworm";
const system = { image: join(folder, "system.ext4"), kernel: join(folder, "vmlinuz"), initrd: join(folder, "initrd") };
const checkout = join(folder, "checkout.ext4");

process.exitCode = await main();

async function main(): Promise<number> {
  const missing = Object.entries(needed).filter(([program]) => spawnSync("which", [program]).status !== 0);
  if (missing.length > 0) return refuse(`Install ${missing.map(([, name]) => name).join(", ")} (apt-get).`);
  if (process.geteuid?.() !== 0) return refuse("Run this as root: it makes a system's files, devices among them.");
  mkdirSync(folder, { recursive: true });
  makeSystem();
  makeCheckout();
  return boot();
}

/** The machine's system, made once for each list of packages. */
function makeSystem(): void {
  const wanted = createHash("sha256")
    .update(`${suite} ${packages.join(" ")} 1`)
    .digest("hex");
  const stamp = join(folder, "system.for");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return;
  const tree = join(folder, "system");
  for (const path of [tree, stamp]) rmSync(path, { recursive: true, force: true });
  say("making the system (minutes, once)");
  const customize = [
    'echo "/dev/vdb /opt/sagebrush ext4 defaults 0 0" > "$1/etc/fstab"',
    'mkdir -p "$1/opt/sagebrush"',
    'echo sagebrush-vm > "$1/etc/hostname"',
  ].flatMap((hook) => ["--customize-hook", hook]);
  run("mmdebstrap", ["--quiet", "--variant=minbase", `--include=${packages.join(",")}`, ...customize, suite, tree]);
  for (const [prefix, target] of [
    ["vmlinuz-", system.kernel],
    ["initrd.img-", system.initrd],
  ] as const) {
    const name = readdirSync(join(tree, "boot")).find((each) => each.startsWith(prefix));
    run("cp", [join(tree, "boot", name ?? prefix), target]);
  }
  makeImage(tree, system.image, "3G");
  rmSync(tree, { recursive: true });
  run("sh", ["-c", `printf %s ${wanted} > ${JSON.stringify(stamp)}`]);
}

/** Tracked and new files, the packages, and what set-up built: as hard links, then as a disk. */
function makeCheckout(): void {
  const tree = join(folder, "checkout");
  rmSync(tree, { recursive: true, force: true });
  const listed = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], { cwd: root });
  const files = listed
    .toString()
    .split("\0")
    .filter((file) => file !== "" && existsSync(join(root, file)));
  const built = ["node_modules", "packages/server/.build", "packages/algorithms/.build"];
  for (const path of [...files, ...built]) {
    mkdirSync(dirname(join(tree, path)), { recursive: true });
    if (built.includes(path)) run("cp", ["-al", join(root, path), join(tree, path)]);
  }
  for (let at = 0; at < files.length; at += 500) run("cp", ["-l", "--parents", ...files.slice(at, at + 500), tree]);
  makeImage(tree, checkout, "2G");
  rmSync(tree, { recursive: true });
}

/** An ext4 image of a folder, complete or not there. */
function makeImage(tree: string, image: string, size: string): void {
  rmSync(`${image}.new`, { force: true });
  run("mke2fs", ["-q", "-t", "ext4", "-d", tree, `${image}.new`, size]);
  renameSync(`${image}.new`, image);
}

/** @returns The exit code: what the guest said of itself, or 1 when it did not get that far in time. */
async function boot(): Promise<number> {
  const accelerated = hasVirtualization();
  say(`booting (${accelerated ? "KVM" : "emulated: no hardware virtualization here, some twenty times slower"})`);
  const node = "/opt/sagebrush/node_modules/.bin/node";
  const append = [
    ...["root=/dev/vda", "rw", "console=ttyS0", "quiet", "systemd.show_status=0"],
    `systemd.run="${[node, "/opt/sagebrush/test/vm/guest.ts", ...process.argv.slice(2)].join(" ")}"`,
  ];
  const disk = (file: string): string[] => ["-drive", `file=${file},if=virtio,format=raw,snapshot=on`];
  const machine = spawn(
    "qemu-system-x86_64",
    [
      ...(accelerated ? ["-accel", "kvm", "-cpu", "host"] : ["-accel", "tcg,thread=multi", "-cpu", "max"]),
      ...["-smp", "3", "-m", "5G", "-nic", "none", "-display", "none", "-serial", "stdio", "-no-reboot"],
      ...["-kernel", system.kernel, "-initrd", system.initrd, "-append", append.join(" ")],
      ...disk(system.image),
      ...disk(checkout),
    ],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  const timer = setTimeout(() => machine.kill("SIGKILL"), limitMinutes * 60_000);
  const passed: string[] = [];
  let failed = 0;
  let ended = false;
  for await (const line of createInterface({ input: machine.stdout })) {
    // systemd puts the program's name and number in front.
    const text = line.replace(/^.*?node\[\d+\]: /, "").trimEnd();
    process.stdout.write(`${text}\n`);
    if (text.startsWith("PASS ")) passed.push(text);
    if (text.startsWith("FAIL ")) failed++;
    if (text.startsWith("END ")) ended = true;
  }
  clearTimeout(timer);
  if (!ended) say(`the machine ended before its checks did (limit: ${limitMinutes} minutes)`);
  say(`${passed.length} passed, ${failed} failed`);
  return ended && failed === 0 && passed.length > 0 ? 0 : 1;
}

/** Without these flags /dev/kvm may exist and start machines that never run. */
function hasVirtualization(): boolean {
  try {
    accessSync("/dev/kvm", constants.R_OK | constants.W_OK);
  } catch {
    return false;
  }
  return /\b(?:vmx|svm)\b/.test(readFileSync("/proc/cpuinfo", "utf8"));
}

function run(program: string, args: readonly string[]): void {
  execFileSync(program, args, { cwd: root, stdio: ["ignore", "inherit", "inherit"] });
}

function refuse(why: string): number {
  say(why);
  return 2;
}

function say(text: string): void {
  process.stdout.write(`vm: ${text}\n`);
}
