"""The container that serves an open tuned model: vLLM's OpenAI server, as Vertex AI runs it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from google.cloud import aiplatform_v1 as service

if TYPE_CHECKING:
    from tuneline.registry.weights import Weights

_PORT = 8080
_COMMAND = ("python3", "-m", "vllm.entrypoints.openai.api_server")
_RANKS = (8, 16, 32, 64, 128, 256, 320, 512)
"""What vLLM takes for ``--max-lora-rank``."""


def container(image: str, weights: Weights, model_name: str) -> service.ModelContainerSpec:
    """The container's specification; requests name the model as the registry does.

    Args:
        image: In Artifact Registry, with a vLLM that reads gs://, such as Vertex AI's own.
        weights: What it serves.
        model_name: What the model is called in requests.
    """
    return service.ModelContainerSpec(
        image_uri=image,
        command=_COMMAND,
        args=["--host=0.0.0.0", f"--port={_PORT}", *_model_arguments(weights, model_name)],
        ports=[service.Port(container_port=_PORT)],
        predict_route="/v1/chat/completions",
        health_route="/health",
    )


def _model_arguments(weights: Weights, model_name: str) -> list[str]:
    if not weights.base:
        return [f"--model={weights.uri}", f"--served-model-name={model_name}"]
    rank = next((rank for rank in _RANKS if rank >= weights.rank), weights.rank)
    base, _, revision = weights.base.partition("@")  # a hub id may name its revision
    return [
        f"--model={base}",
        *([f"--revision={revision}"] if revision else []),
        "--enable-lora",
        f"--lora-modules={model_name}={weights.uri}",
        *([f"--max-lora-rank={rank}"] if weights.rank else []),
    ]
