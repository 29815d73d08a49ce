"""A task's program, as a container runs it: tunes on nodes, and ends with the error's exit code."""

import json
import logging
import sys

from tuneline.errors import TunelineError
from tuneline.kubeflow.train_job.settings import train_job_settings
from tuneline.kubeflow.train_job.tune import tune_on_nodes
from tuneline.training.settings import TrainConfig


def main() -> None:
    """Arguments: configuration and settings, JSON each."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    config = TrainConfig.model_validate(json.loads(sys.argv[1]))
    settings = train_job_settings(json.loads(sys.argv[2]))
    try:
        tune_on_nodes(config, settings)
    except TunelineError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
