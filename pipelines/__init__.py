"""The pipelines, by name. Each is a factory: what must be fixed at compile time is its argument."""

from collections.abc import Callable

from kfp.dsl.graph_component import GraphComponent

from tuneline.pipelines.gemini_tuning import gemini_tuning
from tuneline.pipelines.learning_curve import learning_curve
from tuneline.pipelines.managed_open_tuning import managed_open_tuning
from tuneline.pipelines.method_comparison import method_comparison
from tuneline.pipelines.platform import Platform
from tuneline.pipelines.supervised_tuning import supervised_tuning

PIPELINES: dict[str, Callable[[Platform], GraphComponent]] = {
    "supervised_tuning": supervised_tuning,
    "method_comparison": method_comparison,
    "learning_curve": learning_curve,
    "gemini_tuning": gemini_tuning,
    "managed_open_tuning": managed_open_tuning,
}
