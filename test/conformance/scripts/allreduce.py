"""Data parallel training in plain Python: a ring of sockets between the hosts of a job, by their names over eth0."""

import json
import os
import socket
import struct
import time

PORT = 5005
hosts = json.loads(os.environ["SM_HOSTS"])
me = os.environ["SM_CURRENT_HOST"]
rank, size = hosts.index(me), len(hosts)


def connect(host):
    """The next host may not listen yet."""
    deadline = time.monotonic() + 60
    while True:
        try:
            return socket.create_connection((host, PORT), timeout=60)
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def ring():
    """Connections to the host before and the host after this one."""
    if size == 1:
        return None, None
    listener = socket.create_server((me, PORT))
    after = connect(hosts[(rank + 1) % size])
    before, _ = listener.accept()
    return before, after


def allreduce(values, before, after):
    """The sum over all hosts, element by element: everybody's numbers go round once."""
    total, passing = list(values), list(values)
    form = struct.Struct("!%dd" % len(values))
    for _ in range(size - 1):
        after.sendall(form.pack(*passing))
        received = b""
        while len(received) < form.size:
            chunk = before.recv(form.size - len(received))
            if not chunk:
                raise ConnectionError("the host before has gone")
            received += chunk
        passing = form.unpack(received)
        total = [a + b for a, b in zip(total, passing)]
    return total


def rows():
    """This host's shard of the objects."""
    folder = os.environ["SM_CHANNEL_TRAIN"]
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name)) as file:
            for line in file:
                y, x = line.split(",")
                yield float(y), float(x)


data = list(rows())
before, after = ring()
print("host %s (%s) has %d rows, %s" % (me, socket.gethostname(), len(data), os.environ["SM_CURRENT_INSTANCE_GROUP"]))
weight = bias = 0.0
for _epoch in range(200):
    sums = [0.0] * 4  # gradients of weight and bias, squared error, rows
    for y, x in data:
        error = weight * x + bias - y
        sums[0] += 2 * error * x
        sums[1] += 2 * error
        sums[2] += error * error
        sums[3] += 1
    by_weight, by_bias, squares, count = allreduce(sums, before, after)
    weight -= 0.3 * by_weight / count
    bias -= 0.3 * by_bias / count
print("rows=%d; loss=%.9f; weight=%.6f; bias=%.6f;" % (count, squares / count, weight, bias))
with open(os.path.join(os.environ["SM_MODEL_DIR"], "weights-of-%s.json" % me), "w") as file:
    json.dump([weight, bias], file)
