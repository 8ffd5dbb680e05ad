import { requirements, where } from "../requirements.ts";
import { openRootless, readableCopy, rootlessUid } from "../testkit/rootless.ts";
import { networkContract } from "./network-contract.ts";

const { bubblewrap, root, userNamespaces, iproute2, nftables, slirp4netns, nativeSupervisor } = requirements;
const needed = [bubblewrap, root, userNamespaces, iproute2, nftables, slirp4netns];

where("networks of sandboxes without root", [...needed, nativeSupervisor], () => {
  networkContract({
    name: "networks of sandboxes without root",
    open: (directory, platformSocket) => openRootless({ directory, kind: "sandbox", platformSocket }),
    owner: rootlessUid,
    node: readableCopy().node,
  });
});

where("networks of sandboxes without root under the TypeScript supervisor", needed, () => {
  networkContract({
    name: "networks of sandboxes without root under the TypeScript supervisor",
    open: (directory, platformSocket) => openRootless({ directory, kind: "sandbox", platformSocket, fallback: true }),
    owner: rootlessUid,
    node: readableCopy().node,
    only: "platform",
  });
});
