"""TRL's SFTTrainer with one default changed: activations are held, not computed twice."""

from __future__ import annotations

from benchmarks.trainer_peers.with_trl import tune

if __name__ == "__main__":
    tune(activation_checkpointing=False)
