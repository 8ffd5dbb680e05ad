import type { Family } from "./exposition.ts";

/** What every Prometheus client tells of its process, under the usual names. */
export function processFamilies(): Family[] {
  const { user, system } = process.cpuUsage();
  const one = (name: string, type: Family["type"], help: string, value: number): Family => ({
    ...{ name, type, help, series: [{ labels: {}, value }] },
  });
  return [
    one("process_cpu_seconds_total", "counter", "User and system time of the server.", (user + system) / 1e6),
    one("process_resident_memory_bytes", "gauge", "Resident memory of the server.", process.memoryUsage.rss()),
    one(
      "process_start_time_seconds",
      "gauge",
      "When the server started, seconds since 1970.",
      Math.round(Date.now() / 1_000 - process.uptime()),
    ),
  ];
}
