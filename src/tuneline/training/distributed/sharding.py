"""A model on the devices of a run: one copy on each, or its weights split over all (FSDP2)."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, Literal

import torch
import torch.distributed as dist
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, MixedPrecisionPolicy, fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor
from torch.nn.parallel import DistributedDataParallel

from tuneline.errors import ConfigurationError

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from tuneline.training.base import Types
    from tuneline.training.distributed.ranks import Ranks
    from tuneline.training.settings import Method, TrainingSettings

Placement = Literal["alone", "replicated", "sharded"]

_REPLICATED_SHARE = 0.4
"""Share of a device's memory that weights held on each device may take; the rest is for work."""


def choose_placement(
    model: Any, settings: TrainingSettings, method: Method, ranks: Ranks
) -> Placement:
    """How a model lies on the devices.

    On GPUs all weights that are trained are sharded, also on one: FSDP2 computes in bfloat16 and
    keeps and updates the weights in 32 bits, with no cast of activations on the way.

    Raises:
        ConfigurationError: Sharding is wanted of a process that is alone on a CPU.
    """
    if settings.sharding == "full" and ranks.world == 1 and ranks.device.type == "cpu":
        raise ConfigurationError(
            "overrides.sharding: 'full' splits a model over several devices, and this run has one "
            "process on a CPU. Leave it out, or start several by torchrun."
        )
    if settings.sharding == "full":
        return "sharded"
    if settings.sharding == "none" or settings.quantization != "none":
        return "replicated" if ranks.world > 1 else "alone"
    if ranks.device.type == "cuda" and (method == "full" or not _fits(model, ranks.device)):
        return "sharded" if method == "full" or ranks.world > 1 else "alone"
    return "replicated" if ranks.world > 1 else "alone"


def _fits(model: Any, device: torch.device) -> bool:
    held = sum(weights.numel() * weights.element_size() for weights in model.parameters())
    _, total = torch.cuda.mem_get_info(device)
    return bool(held < _REPLICATED_SHARE * total)


def place(
    model: Any, placement: Placement, types: Types, ranks: Ranks, *, some_unused: bool = False
) -> Any:
    """Put a model onto this process's device.

    The weights of rank 0 are everybody's: those of others may be uninitialised.

    Args:
        model: The model, with its adapter.
        placement: How it lies.
        types: Types of the weights and of the computation.
        ranks: The run's processes.
        some_unused: Whether a pass may leave out weights that are trained, as those that see
            images where there is none.

    Returns:
        What is called for a forward pass.
    """
    if placement == "alone":
        return model.to(ranks.device)
    if placement == "replicated":
        on_gpu = ranks.device.type == "cuda"
        return DistributedDataParallel(
            model.to(ranks.device),
            device_ids=[ranks.local_rank] if on_gpu else None,
            gradient_as_bucket_view=True,
            find_unused_parameters=some_unused,
        )
    return _shard(model, types, ranks)


def _shard(model: Any, types: Types, ranks: Ranks) -> Any:
    if not dist.is_initialized():  # one process alone
        dist.init_process_group(store=dist.HashStore(), rank=0, world_size=1)
    # Of the model before it is split: a split weight is a new one, so these stay whole.
    of_main = {name: weights.detach() for name, weights in model.named_parameters()}
    if not ranks.main:
        of_main.clear()
    mesh = init_device_mesh(ranks.device.type, (ranks.world,))
    policy = MixedPrecisionPolicy(
        param_dtype=getattr(torch, types.computation), reduce_dtype=torch.float32
    )
    for layer in layers_of(model):
        fully_shard(layer, mesh=mesh, mp_policy=policy)
    fully_shard(model, mesh=mesh, mp_policy=policy)
    model.to(ranks.device)
    if ranks.world > 1:
        for name, weights in model.named_parameters():
            fill(weights, of_main.get(name))
        for buffer in model.buffers():
            dist.broadcast(buffer, 0)
    return model


def layers_of(model: Any) -> list[Any]:
    """The repeated blocks of a model, as its class names them."""
    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    names = set(inner._no_split_modules or ())  # noqa: SLF001 - transformers has no other name for it
    return [module for module in inner.modules() if type(module).__name__ in names]


def whole(tensor: torch.Tensor) -> torch.Tensor:
    """A weight or moment in one piece; every process must ask."""
    detached = tensor.detach()
    return detached.full_tensor() if isinstance(detached, DTensor) else detached


def fill(target: torch.Tensor, values: torch.Tensor | None) -> None:
    """Fill a weight or moment, whole or split, with the values that rank 0 has.

    Args:
        target: What is filled; in every process.
        values: In rank 0 the values, of the whole shape; None elsewhere.
    """
    with torch.no_grad():
        if not isinstance(target, DTensor):
            if values is not None:
                target.copy_(values)
            if dist.is_initialized():
                dist.broadcast(target, 0)
            return
        device = target.to_local().device
        given = (
            torch.empty(target.shape, dtype=target.dtype, device=device)
            if values is None
            else values.to(device, target.dtype)
        )
        split = distribute_tensor(given, target.device_mesh, target.placements)
        target.to_local().copy_(split.to_local())


def reset_sharded(module: Any) -> None:
    """Let a split model, one of whose passes broke off, begin the next one anew; others need not.

    PyTorch resets all but the gradients of whole weights that were not handed out yet, which would
    be added to those of the next pass (PyTorch 2.13).

    Args:
        module: What `place` gave.
    """
    if not isinstance(module, FSDPModule):
        return
    module.reset_iter_state()
    for part in module.modules():
        if isinstance(part, FSDPModule):
            part.unshard()
            for weights in part.parameters():
                weights.grad = None
            part.reshard()


def accumulating(module: Any, *, last: bool) -> AbstractContextManager[None]:
    """For all but the last pass of a step: gradients add up here before they are shared.

    Args:
        module: What `place` gave.
        last: Whether this is the step's last pass.
    """
    if isinstance(module, DistributedDataParallel) and not last:
        context: AbstractContextManager[None] = module.no_sync()
        return context
    return nullcontext()
