"""Training steps of SegRNN (Lin et al. 2023) as its authors wrote it: channels apart, segments embedded, a GRU, and one step
of it for each segment ahead. Windows are cut from a tensor that lies in memory."""

import csv
import gzip

import torch
from torch import nn

from serve import timed


class Segments(nn.Module):
    def __init__(self, channels, context, horizon, segment, hidden, dropout):
        super().__init__()
        self.segment, self.pieces = segment, horizon // segment
        self.embed = nn.Sequential(nn.Linear(segment, hidden), nn.ReLU())
        self.gru = nn.GRU(hidden, hidden, batch_first=True)
        self.position = nn.Parameter(torch.randn(self.pieces, hidden // 2))
        self.channel = nn.Parameter(torch.randn(channels, hidden // 2))
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(hidden, segment))

    def forward(self, x):  # [B, L, C]
        rows, _, channels = x.shape
        last = x[:, -1:, :]
        x = (x - last).transpose(1, 2).reshape(rows * channels, -1, self.segment)
        _, h = self.gru(self.embed(x))
        query = torch.cat(
            [
                self.position.unsqueeze(0).expand(channels, -1, -1),
                self.channel.unsqueeze(1).expand(-1, self.pieces, -1),
            ],
            -1,
        )
        query = query.reshape(-1, 1, query.shape[-1]).repeat(rows, 1, 1)
        h = h.repeat(1, 1, self.pieces).view(1, -1, h.shape[-1])
        _, h = self.gru(query, h)
        y = self.head(h).view(rows, channels, -1)
        return y.transpose(1, 2) + last


def prepare_forecaster(file, rows, options, training):
    with gzip.open(file, "rt") as lines:
        table = list(csv.reader(lines))[1 : rows + 1]
    x = torch.tensor([[float(value) for value in row[1:]] for row in table])
    x = (x - x.mean(0)) / x.std(0)
    names = ("context", "horizon", "segment", "hidden", "dropout")
    context, horizon = options["context"], options["horizon"]
    model = Segments(x.shape[1], **{name: options[name] for name in names})
    optimizer = torch.optim.Adam(model.parameters(), lr=training["lr"], fused=True)
    windows = x.unfold(0, context + horizon, 1).transpose(1, 2)
    drawn = torch.randperm(len(windows))

    def run():
        for step in range(training["steps"]):
            begin = step * training["batch"]
            batch = windows[drawn[begin : begin + training["batch"]]]
            optimizer.zero_grad(set_to_none=True)
            nn.functional.l1_loss(model(batch[:, :context]), batch[:, context:]).backward()
            optimizer.step()

    return timed(run), {}
