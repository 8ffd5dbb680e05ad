import type { IncomingMessage, ServerResponse } from "node:http";
import type { Clock } from "../../clock.ts";
import { type Configuration, isLoopback } from "../../configuration.ts";
import type { Log } from "../../log.ts";
import { type NetworkPolicy, networkPolicy } from "../../network-policy.ts";
import type { Timers } from "../../reconcile/timers.ts";
import type { Scope } from "../../scope.ts";
import type { Store, Write } from "../../store/store.ts";
import { Deliveries } from "./delivery/deliveries.ts";
import { readPublication } from "./publish/publication.ts";
import { publicationOf } from "./publish/publish-to-topic.ts";
import { openSigner, type Signer } from "./signing/signer.ts";
import { snsPage } from "./sns-page.ts";
import { readTopicArn } from "./topic-name.ts";

/** What SNS does besides answering operations: its page, deliveries, and a way to publish for other parts of the platform. */
export interface Notifications {
  /** Where messages may go. */
  readonly policy: NetworkPolicy;
  /** `/_sagebrush/sns/...` */
  readonly page: (request: IncomingMessage, response: ServerResponse) => void;
  /**
   * What publishes a message as a caller of that account would, to be written together with what it tells of.
   * @throws ServiceError InvalidParameter, NotFound.
   */
  readonly announce: (scope: Scope, topicArn: string, message: string) => Promise<readonly Write[]>;
  /** Breaks off what is under way; it goes on after the next start. */
  close(): Promise<void>;
}

/** What SNS stands on. */
export interface NotificationOptions {
  readonly store: Store;
  readonly configuration: Pick<Configuration, "host" | "publicUrls" | "snsNetworks">;
  readonly clock: Clock;
  readonly log: Log;
  /** Where this server is reached by who has no other address of it. */
  readonly address: () => string;
  /** Replaced by tests. */
  readonly timers?: Timers;
}

/** Opens it. Deliveries that a crash or a stop broke off go on from here. */
export async function openNotifications(options: NotificationOptions): Promise<Notifications> {
  const { store, clock, log, configuration, address } = options;
  const policy = networkPolicy(allowedNetworks(configuration));
  let opening: Promise<Signer> | undefined;
  const signer = (): Promise<Signer> => {
    opening ??= openSigner(store, clock);
    // A failure (a full disk) must not stick.
    opening.catch(() => (opening = undefined));
    return opening;
  };
  const deliveries = new Deliveries({ store, clock, log, policy, signer }, options.timers);
  await deliveries.open();
  return {
    policy,
    page: snsPage({ store, clock, signer }),
    announce: async (scope, arn, message) => {
      const url = configuration.publicUrls[0] ?? address();
      const topic = readTopicArn(scope, arn);
      return (await publicationOf({ store, clock }, topic, readPublication({ Message: message }), url)).writes;
    },
    close: () => deliveries.close(),
  };
}

/** A server that only this machine can call may send to this machine, too. */
function allowedNetworks({ host, snsNetworks }: NotificationOptions["configuration"]): readonly string[] {
  if (snsNetworks.length > 0) return snsNetworks;
  return isLoopback(host) ? ["public", "private", "loopback"] : ["public", "private"];
}
