import type { Scope } from "../../../scope.ts";
import { isPolicyArn, policyOfArn } from "../../../serving/scaling/scaling-policy.ts";
import type { RecordKey, Store, Write } from "../../../store/store.ts";
import { invalidParameterValue } from "../errors.ts";
import type { AlarmState, AlarmValue } from "./alarm.ts";
import { type AlarmRecord, alarmKey } from "./current-alarm.ts";

type Spec = AlarmValue["spec"];

const lists = ["AlarmActions", "OKActions", "InsufficientDataActions"] as const;
const listOfState: Readonly<Record<AlarmState, (typeof lists)[number]>> = {
  ALARM: "AlarmActions",
  OK: "OKActions",
  INSUFFICIENT_DATA: "InsufficientDataActions",
};

/**
 * Scaling policies are all that an alarm calls here.
 * @throws InvalidParameterValue for anything else, by name.
 */
export async function checkActions(store: Store, scope: Scope, spec: Spec): Promise<void> {
  for (const list of lists) {
    for (const arn of spec[list] ?? []) {
      if (!isPolicyArn(arn)) {
        throw invalidParameterValue(
          `${list} is not supported by this version for ${arn}: only scaling policies are called.`,
        );
      }
      // An alarm that calls nobody would never be noticed.
      if ((await policyOfArn(store, scope, arn)) !== undefined) continue;
      throw invalidParameterValue(`${list}: there is no scaling policy with the ARN ${arn}.`);
    }
  }
}

/** Whether an alarm in its state calls an action. */
export function calls({ spec, state }: AlarmValue, action: string): boolean {
  return spec.ActionsEnabled !== false && spec[listOfState[state]]?.includes(action) === true;
}

/**
 * Writes an alarm together with what finds it by its actions.
 * @param before - The alarm's specification until now, if it is there.
 */
export function alarmWrites(scope: Scope, name: string, before: Spec | undefined, value: AlarmValue): Write[] {
  const now = actionsOf(value.spec);
  const gone = actionsOf(before).filter((arn) => !now.includes(arn));
  return [
    { op: "put", key: alarmKey(scope, name), value },
    ...now.map((arn): Write => ({ op: "put", key: linkKey(scope, arn, name), value: { alarm: name } })),
    ...gone.map((arn): Write => ({ op: "delete", key: linkKey(scope, arn, name) })),
  ];
}

/** Deletes an alarm and what finds it. */
export function alarmDeletion(scope: Scope, { name, value }: Pick<AlarmRecord, "name" | "value">): Write[] {
  return [
    { op: "delete", key: alarmKey(scope, name) },
    ...actionsOf(value.spec).map((arn): Write => ({ op: "delete", key: linkKey(scope, arn, name) })),
  ];
}

/** The alarms that call an action in some state, by name. */
export async function alarmsOfAction(store: Store, scope: Scope, action: string): Promise<AlarmRecord[]> {
  const { account, region } = scope;
  const found: AlarmRecord[] = [];
  let token: string | undefined;
  do {
    const page = await store.list<{ alarm: string }>({
      ...{ kind: "alarm-action", account, region, prefix: `${action} `, limit: 100 },
      ...(token !== undefined && { token }),
    });
    for (const { value } of page.records) {
      const alarm = await store.get<AlarmValue>(alarmKey(scope, value.alarm));
      if (alarm !== undefined) found.push(alarm);
    }
    token = page.next;
  } while (token !== undefined);
  return found;
}

function actionsOf(spec: Spec | undefined): string[] {
  return [...new Set(lists.flatMap((list) => spec?.[list] ?? []))];
}

/** Names begin with the action, so that a list by prefix finds its alarms. */
function linkKey({ account, region }: Scope, action: string, alarm: string): RecordKey {
  return { account, region, kind: "alarm-action", name: `${action} ${alarm}` };
}
