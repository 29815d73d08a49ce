"""Runs one tuning run in children that are killed at random moments, until one ends by itself.

Children are forked from a process that has imported everything, so that a try takes as long as its
work and not as long as its imports.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path
from random import Random

from tests.lamps import run_config
from tuneline.training.train import train

_LONGEST_TRY_S = 1.2


def main() -> None:
    """Kill so many tries, then let one end; tell how many were killed."""
    splits, output, base = map(Path, sys.argv[1:4])
    kills, random = int(sys.argv[4]), Random(int(sys.argv[5]))
    config = run_config(splits, output, base, overrides=json.loads(sys.argv[6]))
    killed = 0
    while True:
        child = os.fork()
        if not child:
            train(config)
            os._exit(0)
        if killed < kills:
            time.sleep(random.uniform(0, _LONGEST_TRY_S))
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status):
            break
        killed += 1
    told = {"killed": killed, "exit_code": os.waitstatus_to_exitcode(status)}
    sys.stdout.write(f"{json.dumps(told)}\n")


if __name__ == "__main__":
    main()
