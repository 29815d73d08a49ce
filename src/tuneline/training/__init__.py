"""The tuning stage: supervised fine-tuning on TRL, PEFT and transformers."""
