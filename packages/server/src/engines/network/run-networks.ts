import type { BridgeNetwork, RunId } from "../engine.ts";

/** Networks as an engine's runs use them. Repeating a call does no harm. */
export interface RunNetworks {
  /** Puts a run on its network, which is made when it is the first one there. */
  attach(id: RunId, network: BridgeNetwork, hostname: string): Promise<Attachment>;
  /** Takes a run off its network; the last one takes the network with it. */
  detach(id: RunId): Promise<void>;
  /** Removes what belongs to runs that are no more: a server may have been killed between any two steps. */
  sweep(): Promise<void>;
  /** Lets go of what is kept ready. Networks of runs stay. */
  close(): Promise<void>;
}

/** A run's place on a network. */
export interface Attachment {
  /** Path of the network namespace that the run enters. */
  readonly namespace: string;
  /** Path of the user namespace which that one belongs to, where it is not the host's. */
  readonly owner?: string;
  /** Every host of the network by its address. */
  readonly hosts: readonly { readonly address: string; readonly name: string }[];
  /** For /etc/resolv.conf. */
  readonly nameServers: readonly string[];
}
