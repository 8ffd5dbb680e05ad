"""Lines of the platform's own in a run's log."""

import sys


def say(text):
    sys.stdout.write("[sagebrush] %s\n" % text)
    sys.stdout.flush()
