"""Entry point of every framework image: `main.py train` or `main.py serve`."""

import sys

from sagebrush_container.command import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
