import type { Share } from "./channel-share.ts";

/** ShuffleConfig's seed and the epoch, from 0, that an order is for. */
export interface Shuffle {
  readonly seed: number;
  readonly epoch: number;
}

/**
 * Which of a channel's `count` units a host gets in one epoch, and in which order. Every host shuffles alike and then takes
 * its share, so that a seed deals other shards in every epoch, each unit still to exactly one host.
 */
export function epochOrder(count: number, share: Share, shuffle?: Shuffle): Uint32Array {
  const all = Uint32Array.from({ length: count }, (_, i) => i);
  if (shuffle) permute(all, generator(shuffle));
  if (share.count === 1) return all;
  return all.filter((_, place) => place % share.count === share.index);
}

/** Fisher and Yates, as in Knuth, The Art of Computer Programming, volume 2, algorithm 3.4.2 P. */
function permute(items: Uint32Array, random: () => number): void {
  for (let i = items.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    const taken = items[i] as number;
    items[i] = items[j] as number;
    items[j] = taken;
  }
}

/**
 * Numbers in [0, 1) that depend on seed and epoch alone: on every host, after every restart. SplitMix64 (Steele, Lea and
 * Flood 2014, Fast splittable pseudorandom number generators): any two states give unrelated sequences.
 */
function generator({ seed, epoch }: Shuffle): () => number {
  const golden = 0x9e3779b97f4a7c15n;
  let state = mix(BigInt.asUintN(64, BigInt(Math.trunc(seed)))) ^ mix(BigInt(epoch) + golden);
  return () => {
    state = BigInt.asUintN(64, state + golden);
    return Number(mix(state) >> 11n) / 2 ** 53;
  };
}

function mix(value: bigint): bigint {
  let z = value;
  z = BigInt.asUintN(64, (z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n);
  z = BigInt.asUintN(64, (z ^ (z >> 27n)) * 0x94d049bb133111ebn);
  return z ^ (z >> 31n);
}
