/** What gloo, NCCL, MPI, gRPC and sockets say when the other side has gone. */
const signs = /Connection (?:closed|reset) by (?:remote )?peer|Broken pipe|Socket closed|remote process exited/i;

/** Whether a host that failed tells of the loss of another one: then that other one knows the reason. */
export function lostPeer(text: string): boolean {
  return signs.test(text);
}
