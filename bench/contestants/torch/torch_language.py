"""Whole training steps of a language model in PyTorch, with its fused optimizer."""

import torch

from language_model import LanguageModel, make_optimizer, train_step
from serve import timed

WINDOWS = 100


def prepare_language(
    vocabulary, layers, hidden, steps, batch, dropout, optimizer, clipNorm, precision, cold=False
):
    assert precision == "f32"
    model = LanguageModel(vocabulary, hidden, layers, dropout).train()
    update = make_optimizer(model.parameters(), **optimizer)
    ids = torch.randint(vocabulary, (WINDOWS * steps + 1, batch))
    state, window = None, 0

    def run():
        nonlocal state, window
        begin = window % WINDOWS * steps
        x, y = ids[begin : begin + steps], ids[begin + 1 : begin + steps + 1]
        state = train_step(model, update, x, y, state, clipNorm)
        window += 1

    return timed(run), {}
