"""The contestant PyTorch, each task in the fastest way it offers."""

import os

import torch

from serve import serve
from torch_attention import prepare_attention
from torch_beam import prepare_translation
from torch_cells import prepare_cells
from torch_classifier import prepare_classifier
from torch_crf import prepare_crf
from torch_forecaster import prepare_forecaster
from torch_generation import prepare_generation
from torch_language import prepare_language
from torch_layers import prepare_layers
from torch_seq2seq import prepare_seq2seq
from torch_tagger import prepare_tagger

TASKS = {
    "attention": prepare_attention,
    "cells": prepare_cells,
    "classifier": prepare_classifier,
    "crf": prepare_crf,
    "forecaster": prepare_forecaster,
    "layers": prepare_layers,
    "language": prepare_language,
    "generation": prepare_generation,
    "seq2seq": prepare_seq2seq,
    "tagger": prepare_tagger,
    "translation": prepare_translation,
}

if __name__ == "__main__":
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    torch.manual_seed(1)
    serve(
        lambda task: TASKS[task.pop("kind")](**task),
        versions=lambda: {"torch": torch.__version__},
    )
