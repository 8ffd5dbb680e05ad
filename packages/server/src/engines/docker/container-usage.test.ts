import { expect, test } from "vitest";
import { containerUsage } from "./container-usage.ts";

test("counters are added up, and memory that could be dropped is left out", () => {
  const usage = containerUsage({
    cpu_stats: { cpu_usage: { total_usage: 1_500_000_000 } },
    memory_stats: { usage: 1000, stats: { inactive_file: 300 } },
    blkio_stats: {
      io_service_bytes_recursive: [
        { op: "Read", value: 1 },
        { op: "Write", value: 2 },
        { op: "read", value: 10 },
      ],
    },
    networks: { eth0: { rx_bytes: 5, tx_bytes: 6 }, eth1: { rx_bytes: 50 } },
  });
  expect(usage).toEqual({
    ...{ cpuSeconds: 1.5, memoryBytes: 700, readBytes: 11, writtenBytes: 2, receivedBytes: 55, sentBytes: 6 },
  });
});

test("a container that has ended uses nothing", () => {
  expect(containerUsage({ cpu_stats: { cpu_usage: { total_usage: 0 } }, memory_stats: {} })).toBeUndefined();
  expect(containerUsage({})).toBeUndefined();
});
