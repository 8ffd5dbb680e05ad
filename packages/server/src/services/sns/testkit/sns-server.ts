import { SNSClient } from "@aws-sdk/client-sns";
import type { Configuration } from "../../../configuration.ts";
import { startTestServer, type TestServer } from "../../../gateway/testkit.ts";
import { networkPolicy } from "../../../network-policy.ts";
import { ManualTimers } from "../../../reconcile/manual-timers.ts";
import { type Notifications, openNotifications } from "../open-notifications.ts";
import { snsService } from "../service.ts";

/** A server with SNS alone, whose time a test moves. */
export interface SnsServer {
  readonly server: TestServer;
  readonly sns: SNSClient;
  readonly notifications: Notifications;
  readonly timers: ManualTimers;
  /** Moves clock and timers on. */
  advance(ms: number): void;
  close(): Promise<void>;
}

/** Starts one. */
export async function startSnsServer(
  options: { readonly snsNetworks?: readonly string[]; readonly dataDirectory?: string } = {},
): Promise<SnsServer> {
  const { dataDirectory, snsNetworks = ["loopback"] } = options;
  const timers = new ManualTimers();
  let movedMs = 0;
  const clock = { now: () => Date.now() + movedMs };
  let page: Notifications["page"] | undefined;
  const configuration: Partial<Configuration> = { snsNetworks };
  const server = await startTestServer({
    ...{ clock, configuration, services: [snsService(networkPolicy(snsNetworks))] },
    pages: { sns: (request, response) => page?.(request, response) },
    ...(dataDirectory !== undefined && { dataDirectory }),
  });
  const { store, log } = server.platform;
  const notifications = await openNotifications({
    ...{ store, clock, log, timers, configuration: server.platform.configuration },
    address: () => server.endpoint,
  });
  page = notifications.page;
  const sns = new SNSClient(server.client);
  return {
    ...{ server, sns, notifications, timers },
    advance(ms) {
      movedMs += ms;
      timers.advance(ms);
    },
    async close() {
      sns.destroy();
      await notifications.close();
      await server.close();
    },
  };
}
