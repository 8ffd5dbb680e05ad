import type { Log } from "../../log.ts";
import {
  componentResource,
  type ScalableTargetValue,
  scalableTargetKey,
} from "../../serving/scaling/scalable-target.ts";
import { isPolicyArn, policyOfArn } from "../../serving/scaling/scaling-policy.ts";
import type { RecordKey, Store } from "../../store/store.ts";
import type { AlarmValue } from "../cloudwatch/alarm/alarm.ts";

/** Wakes scalable targets when their resource, policies, plans or alarms change. A hint: targets are looked at anyway. */
export function wakeScalableTargets(store: Store, log: Log, wake: (key: RecordKey) => void): () => void {
  const wakeBelow = async (key: RecordKey, prefix: string): Promise<void> => {
    const { account, region } = key;
    const { records } = await store.list<ScalableTargetValue>({
      ...{ kind: "scalable-target", account, region, prefix, limit: 100 },
    });
    for (const { value } of records) wake(scalableTargetKey(key, value));
  };
  const wakeCalled = async (key: RecordKey): Promise<void> => {
    const alarm = await store.get<AlarmValue>(key);
    const { AlarmActions = [], OKActions = [], InsufficientDataActions = [] } = alarm?.value.spec ?? {};
    for (const arn of new Set([...AlarmActions, ...OKActions, ...InsufficientDataActions])) {
      const policy = isPolicyArn(arn) ? await policyOfArn(store, key, arn) : undefined;
      if (policy !== undefined) wake(scalableTargetKey(key, policy.value));
    }
  };
  const listeners: Readonly<Record<string, (key: RecordKey) => Promise<void>>> = {
    alarm: wakeCalled,
    "inference-component": async (key) => wake(scalableTargetKey(key, componentResource(key.name))),
    endpoint: (key) => wakeBelow(key, `endpoint/${key.name}/`),
    "scaling-policy": async (key) => wake(targetOf(key)),
    "scheduled-action": async (key) => wake(targetOf(key)),
  };
  return store.watch(Object.keys(listeners), (key) => {
    listeners[key.kind]?.(key).catch((error: unknown) => log.warn("a scalable target was not woken", { error }));
  });
}

/** Names of what belongs to a target begin with its own, and a space. */
function targetOf({ account, region, name }: RecordKey): RecordKey {
  return { account, region, kind: "scalable-target", name: name.split(" ", 2).join(" ") };
}
