"""TF_CONFIG: what every process of a TensorFlow cluster is told of all and of itself, as the service's images tell it."""

WORKER_PORT = 2222
SERVER_PORT = 2223
MIRRORED_PORT = 8890


def of_parameter_servers(hosts, current_host):
    """The first host is the master, the others are workers, and each has a parameter server beside that."""
    cluster = {
        "master": _addresses(hosts[:1], WORKER_PORT),
        "ps": _addresses(hosts, SERVER_PORT),
        "worker": _addresses(hosts[1:], WORKER_PORT),
    }
    rank = hosts.index(current_host)
    task = {"index": 0, "type": "master"} if rank == 0 else {"index": rank - 1, "type": "worker"}
    return {"cluster": cluster, "environment": "cloud", "task": task}


def of_mirrored_workers(hosts, current_host):
    """Every host is a worker; the first one is the chief by its index."""
    task = {"index": hosts.index(current_host), "type": "worker"}
    return {"cluster": {"worker": _addresses(hosts, MIRRORED_PORT)}, "environment": "cloud", "task": task}


def _addresses(hosts, port):
    return ["%s:%d" % (host, port) for host in hosts]
