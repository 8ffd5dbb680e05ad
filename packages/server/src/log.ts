/** The server's own log: constant messages with key-value fields, one line each. Never a secret. */
export interface Log {
  info(message: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void;
  error(message: string, fields?: Readonly<Record<string, unknown>>): void;
}

/** Writes one line of JSON per event to `write`. */
export function jsonLog(write: (line: string) => void): Log {
  const at =
    (level: string) =>
    (message: string, fields: Readonly<Record<string, unknown>> = {}) =>
      write(`${JSON.stringify({ time: new Date().toISOString(), level, message, ...fields }, asText)}\n`);
  return { info: at("info"), warn: at("warn"), error: at("error") };
}

/** Drops everything: for tests and one-off commands. */
export const silentLog: Log = { info() {}, warn() {}, error() {} };

function asText(_key: string, value: unknown): unknown {
  return value instanceof Error ? (value.stack ?? String(value)) : value;
}
