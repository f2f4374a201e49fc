"""Training steps of a sequence tagger: words, shapes and a BiLSTM over the letters of a batch's distinct words, a BiLSTM
over packed sentences, a conditional random field."""

import json

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from serve import fastest, timed
from torch_crf import Field


class Tagger(nn.Module):
    def __init__(self, sizes, embedding, hidden, dropout, letterEmbedding, letterHidden, how, **_):
        super().__init__()
        self.words = nn.Embedding(sizes["words"], embedding)
        self.shapes = nn.Embedding(sizes["shapes"], 10)
        self.letters = nn.Embedding(sizes["letters"], letterEmbedding)
        self.spell = nn.LSTM(letterEmbedding, letterHidden, bidirectional=True)
        self.lstm = nn.LSTM(embedding + 10 + 2 * letterHidden, hidden, bidirectional=True)
        self.output = nn.Linear(2 * hidden, sizes["tags"])
        self.field = Field(sizes["tags"], how)
        self.dropout = nn.Dropout(dropout)

    def forward(self, words, shapes, which, lengths, letters, wordLengths, tags):
        packed = pack_padded_sequence(self.letters(letters), wordLengths, enforce_sorted=False)
        _, (h, _) = self.spell(packed)
        spelt = h.transpose(0, 1).reshape(len(wordLengths), -1)
        x = torch.cat([self.words(words), self.shapes(shapes), spelt[which]], 2)
        packed = pack_padded_sequence(self.dropout(x), lengths, enforce_sorted=False)
        y, _ = pad_packed_sequence(self.lstm(packed)[0])
        mask = (torch.arange(len(words)).unsqueeze(1) < lengths).float()
        return -self.field(self.output(self.dropout(y)), tags, mask, lengths - 1).sum()


NAMES = ("words", "shapes", "which", "lengths", "letters", "wordLengths", "tags")


def prepare_tagger(data, options, training, **_):
    with open(data, encoding="utf-8") as file:
        task = json.load(file)
    batches = [tuple(torch.tensor(batch[name]) for name in NAMES) for batch in task["batches"]]

    def make(how):
        def made():
            model = Tagger(task["sizes"], how=how, **options)
            optimizer = torch.optim.Adam(model.parameters(), lr=training["lr"], fused=True)

            def run():
                for batch in batches:
                    optimizer.zero_grad(set_to_none=True)
                    (model(*batch) / int(batch[3].sum())).backward()
                    nn.utils.clip_grad_norm_(model.parameters(), training["clipNorm"])
                    optimizer.step()

            return run

        return made

    name, run = fastest([(how, make(how)) for how in ("logsumexp", "matmul")])
    return timed(run), {"variant": name}
