"""How the embedded model is made: corpus, tokenizer, samples, network, trainer, exporter.

`engine/models/FORMAT.md` decides wherever this package and the Rust engine could disagree.
"""
