"""Chooses between training and serving."""

import sys


def main(words):
    verb = words[0] if words else ""
    if verb == "train":
        from . import train

        return train.main()
    if verb == "serve":
        from . import serve

        return serve.main()
    sys.stderr.write("This image knows train and serve, not %r.\n" % verb)
    return 2
