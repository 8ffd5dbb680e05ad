import { randomStream } from "../../numerics/random.ts";

/**
 * Logins of users who come from a network of their own, and now and then from one that all share.
 * @returns CSV of `user-N,a.b.c.d`; equal seeds give equal rows.
 */
export function logins({ rows, users, seed }: { rows: number; users: number; seed: number }): string {
  const home = randomStream(99);
  const homes = Array.from({ length: users }, () => [0, 0, 0].map(() => Math.floor(home.uniform() * 256)).join("."));
  const random = randomStream(seed);
  return Array.from({ length: rows }, () => {
    const user = Math.floor(random.uniform() * users);
    const network = random.uniform() < 0.05 ? "198.51.100" : homes[user];
    return `user-${user},${network}.${Math.floor(random.uniform() * 256)}\n`;
  }).join("");
}
