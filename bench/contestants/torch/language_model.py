"""The language model of both char_lm.py and the rows of whole training steps, as rnnative's."""

import torch
from torch import nn


class LanguageModel(nn.Module):
    def __init__(self, vocabulary, hidden, layers, dropout=0.0):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, hidden)
        self.dropout = nn.Dropout(dropout)
        self.rnn = nn.LSTM(hidden, hidden, layers, dropout=dropout)
        self.output = nn.Linear(hidden, vocabulary)

    def forward(self, x, state=None):
        h, state = self.rnn(self.dropout(self.embedding(x)), state)
        return self.output(self.dropout(h)), state


def make_optimizer(parameters, kind, lr):
    kinds = {"adam": torch.optim.Adam, "sgd": torch.optim.SGD}
    return kinds[kind](parameters, lr=lr, fused=True)


def train_step(model, optimizer, x, y, state, clip_norm):
    """One step of truncated backpropagation through time; answers the state to carry on."""
    optimizer.zero_grad(set_to_none=True)
    logits, state = model(x, state)
    loss = nn.functional.cross_entropy(logits.flatten(0, 1), y.flatten())
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), clip_norm)
    optimizer.step()
    return tuple(s.detach() for s in state)
