"""The training loop, supervised training, cross-validation, fine-tuning and the objectives of pretraining."""
