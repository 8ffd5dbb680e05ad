/**
 * The system calls that a sandboxed run is refused, as a classic BPF program made here: no library is needed to build
 * it and none to load it (bubblewrap does). Everything else is allowed, so ordinary programs notice nothing.
 */

/** Numbers from the kernel's tables: x86_64 from `syscall_64.tbl`, aarch64 from the generic `unistd.h`. */
interface Machine {
  /** AUDIT_ARCH_* */
  readonly audit: number;
  readonly clone: number;
  readonly ioctl: number;
  readonly socket: number;
  readonly refused: Readonly<Record<string, number>>;
}

/** Calls that came after the tables were unified have one number everywhere. */
const unified = {
  io_uring_setup: 425,
  io_uring_enter: 426,
  io_uring_register: 427,
  open_tree: 428,
  move_mount: 429,
  fsopen: 430,
  fsconfig: 431,
  fsmount: 432,
  fspick: 433,
  mount_setattr: 442,
  quotactl_fd: 443,
};

/** The machines that a filter can be made for, by Node's name. */
export const machines: Readonly<Record<string, Machine>> = {
  x64: {
    audit: 0xc000003e,
    clone: 56,
    ioctl: 16,
    socket: 41,
    refused: {
      ...unified,
      add_key: 248,
      request_key: 249,
      keyctl: 250,
      bpf: 321,
      perf_event_open: 298,
      userfaultfd: 323,
      mount: 165,
      umount2: 166,
      pivot_root: 155,
      chroot: 161,
      unshare: 272,
      setns: 308,
      ptrace: 101,
      process_vm_readv: 310,
      process_vm_writev: 311,
      kcmp: 312,
      kexec_load: 246,
      kexec_file_load: 320,
      init_module: 175,
      finit_module: 313,
      delete_module: 176,
      reboot: 169,
      swapon: 167,
      swapoff: 168,
      syslog: 103,
      acct: 163,
      quotactl: 179,
      open_by_handle_at: 304,
      iopl: 172,
      ioperm: 173,
      settimeofday: 164,
      clock_settime: 227,
      adjtimex: 159,
      clock_adjtime: 305,
      sethostname: 170,
      setdomainname: 171,
      vhangup: 153,
      fanotify_init: 300,
    },
  },
  arm64: {
    audit: 0xc00000b7,
    clone: 220,
    ioctl: 29,
    socket: 198,
    refused: {
      ...unified,
      add_key: 217,
      request_key: 218,
      keyctl: 219,
      bpf: 280,
      perf_event_open: 241,
      userfaultfd: 282,
      mount: 40,
      umount2: 39,
      pivot_root: 41,
      chroot: 51,
      unshare: 97,
      setns: 268,
      ptrace: 117,
      process_vm_readv: 270,
      process_vm_writev: 271,
      kcmp: 272,
      kexec_load: 104,
      kexec_file_load: 294,
      init_module: 105,
      finit_module: 273,
      delete_module: 106,
      reboot: 142,
      swapon: 224,
      swapoff: 225,
      syslog: 116,
      acct: 89,
      quotactl: 60,
      open_by_handle_at: 265,
      settimeofday: 170,
      clock_settime: 112,
      adjtimex: 171,
      clock_adjtime: 266,
      sethostname: 161,
      setdomainname: 162,
      vhangup: 58,
      fanotify_init: 262,
    },
  },
};

const clone3 = 435;
/** CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET. */
const newNamespaces = 0x7e020000;
/** TIOCSTI puts characters into a terminal's input, TIOCLINUX does so on a console. */
const refusedIoctls = [0x5412, 0x541c];
/** PACKET, KEY, RDS, TIPC, ALG, VSOCK (which no network namespace cuts off), XDP. */
const refusedFamilies = [17, 15, 21, 30, 38, 40, 44];

const EPERM = 1;
const ENOSYS = 38;
const EAFNOSUPPORT = 97;

/** SECCOMP_RET_* */
const allow = 0x7fff0000;
const killProcess = 0x80000000;
const errno = (code: number) => 0x00050000 | code;

/** Offsets in `struct seccomp_data`; arguments are 64 bits, of which the low half counts here (little endian). */
const offsetOf = { nr: 0, arch: 4, firstArgument: 16, secondArgument: 24 };

type Instruction = readonly [code: number, jumpTrue: number, jumpFalse: number, value: number];
const load = (offset: number): Instruction => [0x20, 0, 0, offset];
const give = (value: number): Instruction => [0x06, 0, 0, value];
const ifEqual = (value: number, skipTrue: number, skipFalse: number): Instruction => [0x15, skipTrue, skipFalse, value];
const ifAtLeast = (value: number, skipTrue: number, skipFalse: number): Instruction => [
  0x35,
  skipTrue,
  skipFalse,
  value,
];
const ifAnyBit = (value: number, skipTrue: number, skipFalse: number): Instruction => [
  0x45,
  skipTrue,
  skipFalse,
  value,
];

/** The filter for a machine, as bubblewrap's `--seccomp` reads it; undefined where we have no table. */
export function seccompFilter(machine: string): Buffer | undefined {
  const table = machines[machine];
  if (table === undefined) return undefined;
  const program: Instruction[] = [
    load(offsetOf.arch),
    ifEqual(table.audit, 1, 0),
    give(killProcess),
    load(offsetOf.nr),
  ];
  // The x32 calls of x86_64 are the same calls under other numbers.
  if (machine === "x64") program.push(ifAtLeast(0x40000000, 0, 1), give(errno(ENOSYS)));
  for (const number of Object.values(table.refused)) program.push(ifEqual(number, 0, 1), give(errno(EPERM)));
  // Its flags lie in memory, where no filter can look; libc falls back to clone.
  program.push(ifEqual(clone3, 0, 1), give(errno(ENOSYS)));
  program.push(ifEqual(table.clone, 0, 4), load(offsetOf.firstArgument), ifAnyBit(newNamespaces, 0, 1));
  program.push(give(errno(EPERM)), give(allow));
  program.push(...onValue(table.ioctl, offsetOf.secondArgument, refusedIoctls, EPERM));
  program.push(...onValue(table.socket, offsetOf.firstArgument, refusedFamilies, EAFNOSUPPORT));
  program.push(give(allow));
  return assemble(program);
}

/** For one call: refuses these values of an argument, allows others. */
function onValue(call: number, argument: number, values: readonly number[], code: number): Instruction[] {
  const body = [load(argument), ...values.flatMap((value) => [ifEqual(value, 0, 1), give(errno(code))]), give(allow)];
  return [ifEqual(call, 0, body.length), ...body];
}

/** `struct sock_filter`, in the byte order of the machines above. */
function assemble(program: readonly Instruction[]): Buffer {
  const bytes = Buffer.alloc(program.length * 8);
  for (const [index, [code, jumpTrue, jumpFalse, value]] of program.entries()) {
    bytes.writeUInt16LE(code, index * 8);
    bytes.writeUInt8(jumpTrue, index * 8 + 2);
    bytes.writeUInt8(jumpFalse, index * 8 + 3);
    bytes.writeUInt32LE(value >>> 0, index * 8 + 4);
  }
  return bytes;
}
