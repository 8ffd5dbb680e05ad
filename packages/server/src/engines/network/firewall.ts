import { networkRange } from "./subnets.ts";

/** What the packet filter must know about the networks of one engine. */
export interface Filtered {
  /** The engine's part of every interface name, and its table's name. */
  readonly prefix: string;
  /** Name servers that runs may ask although private ranges are closed to them. */
  readonly resolvers: readonly string[];
  /** A resolver on the host's loopback: questions to a bridge's own address go there. */
  readonly loopbackResolver?: string;
  /** Closed addresses besides private ones: the host's own, where packets do not pass its `input`. */
  readonly alsoClosed?: readonly string[];
}

/** How an engine's interfaces are named: bridges with and without a way out, and the hosts' ends of runs' cables. */
export const interfaceKinds = { bridge: "b", open: "bo", closed: "bc", run: "v" } as const;

/**
 * How the interfaces of every engine on a host begin. What one engine's hosts say to each other passes the rules of
 * all engines where bridged frames are filtered, and must not be masqueraded by another's.
 */
export const everyones = "sb";

/** Addresses that are no part of the internet: this network's neighbours, the cloud's metadata, other runs. */
const closedRanges = [
  ...["0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"],
  ...["192.168.0.0/16", "224.0.0.0/4", "240.0.0.0/4"],
];
const question = "meta l4proto { tcp, udp } th dport 53";

/**
 * One table for all networks of an engine, replacing an earlier one as a whole. Bridges are matched by how their names
 * begin, so that a new network needs no new rule. Runs reach their peers and, from open bridges, what lies beyond this
 * host; never the host itself (`input`) nor private ranges (`forward`).
 */
export function nftRules({ prefix, resolvers, loopbackResolver, alsoClosed = [] }: Filtered): string {
  const [open, closed] = [`"${prefix}${interfaceKinds.open}*"`, `"${prefix}${interfaceKinds.closed}*"`];
  const any = `"${prefix}${interfaceKinds.bridge}*"`;
  const asks = resolvers.map((server) => `iifname ${open} ip daddr ${server} ${question} accept`);
  const stub = loopbackResolver !== undefined;
  const chains = [
    chain("guard_input", "type filter hook input priority -10", [
      `iifname != ${any} accept`,
      "ct state established,related accept",
      ...(stub ? [`iifname ${open} ct status dnat ${question} accept`] : []),
      ...asks,
      "drop",
    ]),
    chain("guard_forward", "type filter hook forward priority -10", [
      "iifname . oifname @inside accept",
      `oifname ${any} ct state established,related accept`,
      `oifname ${any} drop`,
      `iifname != ${any} accept`,
      ...asks,
      `iifname ${closed} drop`,
      "meta nfproto ipv6 drop",
      `ip daddr { ${closedRanges.join(", ")} } drop`,
      ...alsoClosed.map((address) => `ip daddr ${address} drop`),
    ]),
    chain("leave", "type nat hook postrouting priority 100", [
      `ip saddr ${networkRange} oifname != "${everyones}*" masquerade`,
    ]),
  ];
  if (stub) {
    const to = `iifname ${open} fib daddr type local ${question} dnat ip to ${loopbackResolver}`;
    chains.push(chain("resolver", "type nat hook prerouting priority -100", [to]));
  }
  // Frames between ports of one bridge pass here only where br_netfilter is loaded.
  const inside = "  set inside {\n    type ifname . ifname\n  }\n";
  return `${dropTable(prefix)}table inet ${prefix} {\n${inside}${chains.join("")}}\n`;
}

/** Removes the table, also where there is none. */
export function dropTable(prefix: string): string {
  return `add table inet ${prefix}\ndelete table inet ${prefix}\n`;
}

/** Lets a bridge's own hosts talk where the host filters bridged frames as well. */
export function allowInside(prefix: string, bridge: string): string {
  return `add element inet ${prefix} inside { "${bridge}" . "${bridge}" }\n`;
}

/** Takes {@link allowInside} back. */
export function forgetInside(prefix: string, bridge: string): string {
  return `delete element inet ${prefix} inside { "${bridge}" . "${bridge}" }\n`;
}

function chain(name: string, hook: string, rules: readonly string[]): string {
  return `  chain ${name} {\n    ${hook}; policy accept;\n${rules.map((rule) => `    ${rule}\n`).join("")}  }\n`;
}

/** The same rules for hosts that have iptables alone, as arguments: `remove` first, whose errors do not matter. */
export function iptablesRules({ prefix, resolvers, loopbackResolver }: Filtered): { add: string[]; remove: string[] } {
  const [open, closed, any] = (["open", "closed", "bridge"] as const).map(
    (kind) => `${prefix}${interfaceKinds[kind]}+`,
  );
  const [input, forward, back, leave, names] = ["in", "fw", "bk", "lv", "ns"].map((part) => `${prefix}-${part}`);
  const questions = (rule: string): string[] => ["tcp", "udp"].map((protocol) => `${rule} -p ${protocol} --dport 53`);
  const asks = (where: string | undefined): string[] =>
    resolvers.flatMap((server) => questions(`-A ${where} -i ${open} -d ${server}`)).map((rule) => `${rule} -j ACCEPT`);
  const stub = loopbackResolver !== undefined;
  const fill = [
    `-A ${input} -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT`,
    ...(stub ? questions(`-A ${input} -i ${open} -m conntrack --ctstate DNAT`).map((rule) => `${rule} -j ACCEPT`) : []),
    ...asks(input),
    `-A ${input} -j DROP`,
    `-A ${forward} -m physdev --physdev-is-bridged -j ACCEPT`,
    ...asks(forward),
    `-A ${forward} -i ${closed} -j DROP`,
    ...closedRanges.map((range) => `-A ${forward} -d ${range} -j DROP`),
    `-A ${forward} -j ACCEPT`,
    `-A ${back} -m physdev --physdev-is-bridged -j ACCEPT`,
    `-A ${back} -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT`,
    `-A ${back} -j DROP`,
    `-t nat -A ${leave} -o ${everyones}+ -j RETURN`,
    `-t nat -A ${leave} -j MASQUERADE`,
    ...(stub
      ? questions(`-t nat -A ${names}`).map((rule) => `${rule} -j DNAT --to-destination ${loopbackResolver}`)
      : []),
  ];
  const jumps = [
    `INPUT -i ${any} -j ${input}`,
    `FORWARD -i ${any} -j ${forward}`,
    `FORWARD -o ${any} -j ${back}`, // inserted last, so looked at first
    `POSTROUTING -t nat -s ${networkRange} -j ${leave}`,
    `PREROUTING -t nat -i ${open} -m addrtype --dst-type LOCAL -j ${names}`,
  ];
  const tables = [
    ["", input],
    ["", forward],
    ["", back],
    ["-t nat ", leave],
    ["-t nat ", names],
  ] as const;
  return {
    add: [...tables.map(([table, name]) => `${table}-N ${name}`), ...fill, ...jumps.map((jump) => `-I ${jump}`)],
    remove: [
      ...jumps.map((jump) => `-D ${jump}`),
      ...tables.flatMap(([table, name]) => [`${table}-F ${name}`, `${table}-X ${name}`]),
    ],
  };
}
