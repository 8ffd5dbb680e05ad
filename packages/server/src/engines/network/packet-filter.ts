import { allowInside, dropTable, forgetInside, iptablesRules, nftRules } from "./firewall.ts";
import type { Resolver } from "./resolver.ts";
import { type NetworkTools, runTool } from "./tools.ts";

/** The rules of one engine in the host's packet filter: there while it has networks. */
export class PacketFilter {
  readonly #prefix: string;
  readonly #tools: NetworkTools;
  /** What the rules that are in force were made from; undefined: none that we know of. */
  #inForce: string | undefined;

  constructor(prefix: string, tools: NetworkTools) {
    this.#prefix = prefix;
    this.#tools = tools;
  }

  /**
   * Puts the rules in force; again when the host asks another resolver by now.
   * @param inside - Tells the bridges that {@link allowInside} was called for, whoever did.
   */
  async ensure({ servers, loopback }: Resolver, inside: () => Promise<readonly string[]>): Promise<void> {
    const key = [...servers, loopback].join(" ");
    if (this.#inForce === key) return;
    const { nft } = this.#tools;
    const network = {
      prefix: this.#prefix,
      resolvers: servers,
      ...(loopback === undefined ? {} : { loopbackResolver: loopback }),
    };
    if (nft !== undefined) {
      const allowed = (await inside()).map((bridge) => allowInside(this.#prefix, bridge));
      await runTool([nft, "-f", "-"], nftRules(network) + allowed.join(""));
    }
    if (nft === undefined) await this.#iptables(iptablesRules(network));
    this.#inForce = key;
  }

  async allowInside(bridge: string): Promise<void> {
    const { nft } = this.#tools;
    if (nft !== undefined) await runTool([nft, "-f", "-"], allowInside(this.#prefix, bridge));
  }

  async forgetInside(bridge: string): Promise<void> {
    const { nft } = this.#tools;
    if (nft === undefined) return;
    await runTool([nft, "-f", "-"], forgetInside(this.#prefix, bridge)).catch(() => undefined); // not there: as wanted
  }

  async remove(): Promise<void> {
    const { nft } = this.#tools;
    this.#inForce = undefined;
    if (nft !== undefined) await runTool([nft, "-f", "-"], dropTable(this.#prefix));
    else await this.#iptables({ ...iptablesRules({ prefix: this.#prefix, resolvers: [] }), add: [] });
  }

  async #iptables({ add, remove }: { add: string[]; remove: string[] }): Promise<void> {
    const { iptables } = this.#tools;
    if (iptables === undefined) return;
    const run = (rule: string) => runTool([iptables, "--wait", ...rule.split(" ")]);
    for (const rule of remove) await run(rule).catch(() => undefined); // not there: as wanted
    for (const rule of add) await run(rule);
  }
}
