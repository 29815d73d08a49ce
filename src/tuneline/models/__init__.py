"""Open language models: where they come from, how they are loaded and how they are spoken to.

Training and prediction share this folder, so that both see the same weights, tokenizer and chat
template.
"""
