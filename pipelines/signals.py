"""Lets signals reach a component's program.

KFP starts it by a shell that stays its parent. A shell passes no signal on, and as a container's
first process it ignores SIGTERM: a task that is cancelled would be killed without writing its
checkpoint or cancelling its job elsewhere. The shell is replaced by the program instead.
"""

from typing import Any

_BY_SHELL = "_KFP_RUNTIME=true python3 -m "
_INSTEAD = "exec env _KFP_RUNTIME=true python3 -m "


def reach_program(container: Any) -> None:
    """Rewrite the command of a component's container specification in place.

    Raises:
        ValueError: KFP writes the command otherwise than it did.
    """
    command = list(container.command)
    places = [place for place, word in enumerate(command) if _BY_SHELL in word]
    if not places:
        raise ValueError(f"the command of {container.image} has no {_BY_SHELL!r}")
    for place in places:
        if _INSTEAD not in command[place]:
            command[place] = command[place].replace(_BY_SHELL, _INSTEAD)
    container.command = command
