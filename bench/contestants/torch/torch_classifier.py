"""Training steps of the classifier of examples/own-module.mjs: BiLSTM over packed sequences, attention, mean, max."""

import json

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from serve import timed


class Classifier(nn.Module):
    def __init__(self, vocabulary, classes, embedding, hidden, dropout):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, embedding)
        self.dropout = nn.Dropout(dropout)
        self.lstm = nn.LSTM(embedding, hidden, bidirectional=True)
        self.attend = nn.Linear(2 * hidden, hidden)
        self.score = nn.Linear(hidden, 1, bias=False)
        self.output = nn.Linear(6 * hidden, classes)

    def forward(self, ids, lengths):  # ids: [T, B]
        packed = pack_padded_sequence(
            self.dropout(self.embedding(ids)), lengths, enforce_sorted=False
        )
        h, _ = pad_packed_sequence(self.lstm(packed)[0])  # [T, B, 2H], zeros in padding
        real = (torch.arange(len(h))[:, None] < lengths).unsqueeze(2)
        scores = self.score(torch.tanh(self.attend(h))).masked_fill(~real, -torch.inf)
        attended = (scores.softmax(0) * h).sum(0)
        mean = h.sum(0) / lengths[:, None]
        most = h.masked_fill(~real, -torch.inf).amax(0)
        return self.output(self.dropout(torch.cat([attended, mean, most], 1)))


def prepare_classifier(data, embedding, hidden, dropout, lr, clipNorm, **_):
    with open(data, encoding="utf-8") as file:
        task = json.load(file)
    batches = [
        tuple(torch.tensor(batch[name]) for name in ("ids", "lengths", "labels"))
        for batch in task["batches"]
    ]
    model = Classifier(task["vocabulary"], task["classes"], embedding, hidden, dropout)
    optimizer = torch.optim.Adam(model.parameters(), lr=lr, fused=True)

    def run():
        for ids, lengths, labels in batches:
            optimizer.zero_grad(set_to_none=True)
            F.cross_entropy(model(ids, lengths), labels).backward()
            nn.utils.clip_grad_norm_(model.parameters(), clipNorm)
            optimizer.step()

    return timed(run), {}
