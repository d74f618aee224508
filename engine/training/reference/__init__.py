"""The published samplers of masked-diffusion language models, written out plainly.

Not part of the trainer: these say what `engine/src/diffusion/` must do, step by step, on a toy model whose logits both
sides compute from integers. `python -m reference.traces` writes their traces; the engine's tests replay them.

`toy`: the model and the random numbers; `step`: logits to tokens and confidences; `full_canvas`: Dream, Open-dCoder's
P2, LLaDA, Fast-dLLM; `blockwise`: SDAR, LLaDA2.1; `lengths`: DreamOn, CAL.
"""
