"""Generating token by token in PyTorch: the fastest of nn.LSTM one step at a time and LSTM cells."""

import torch
from torch import nn

from language_model import LanguageModel
from serve import fastest, timed


def choose(logits):
    return torch.multinomial(torch.softmax(logits, -1), 1)


@torch.inference_mode()
def whole_stack(model, tokens):
    token, state = torch.zeros(1, 1, dtype=torch.long), None
    for _ in range(tokens):
        logits, state = model(token, state)
        token = choose(logits[0])
        token.item()  # its text is wanted now


def copy_cells(model):
    cells = []
    for layer in range(model.rnn.num_layers):
        cell = nn.LSTMCell(model.rnn.hidden_size, model.rnn.hidden_size)
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
            setattr(cell, name, getattr(model.rnn, f"{name}_l{layer}"))
        cells.append(cell)
    return cells


@torch.inference_mode()
def cell_by_cell(model, cells, tokens):
    token = torch.zeros(1, dtype=torch.long)
    states = [None] * len(cells)
    for _ in range(tokens):
        h = model.embedding(token)
        for i, cell in enumerate(cells):
            states[i] = cell(h, states[i])
            h = states[i][0]
        token = choose(model.output(h))[0]
        token.item()


def prepare_generation(vocabulary, layers, hidden, tokens, precision):
    assert precision == "f32"
    model = LanguageModel(vocabulary, hidden, layers).eval()
    cells = copy_cells(model)

    def without_mkldnn():
        with torch.backends.mkldnn.flags(enabled=False):
            whole_stack(model, tokens)

    name, run = fastest(
        [
            ("nn.LSTM", lambda: lambda: whole_stack(model, tokens)),
            ("nn.LSTM without oneDNN", lambda: without_mkldnn),
            ("nn.LSTMCell", lambda: lambda: cell_by_cell(model, cells, tokens)),
        ],
    )
    return timed(run), {"variant": name}
