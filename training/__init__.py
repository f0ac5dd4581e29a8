"""Scenes, instructions, recipes and evaluation: everything that the embedded weights are taught and measured with."""
