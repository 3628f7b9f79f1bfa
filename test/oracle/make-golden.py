"""Writes test/golden: what transformers and torch say. README.md in this folder tells how to run it."""

from pathlib import Path

import torch

import golden_folder
import golden_models
import golden_schedules
import golden_shapes
import golden_training

torch.set_num_threads(1)  # the float32 errors are measured on a fixed order of summation
folder = Path(__file__).resolve().parent.parent / "golden"
golden_models.write(folder / "models")
golden_shapes.write(folder / "shapes.json")
golden_training.write(folder / "training")
golden_schedules.write(folder / "schedules.json")
golden_folder.write(folder / "folder")
files = [file for file in folder.rglob("*") if file.is_file()]
for file in files:
    file.chmod(0o644)  # safetensors makes files that only their owner can read
size = sum(file.stat().st_size for file in files)
print(f"{folder}: {size / 1e6:.2f} MB")
