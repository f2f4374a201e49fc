"""One pass over tokens with plain SGD: the losses of a language model in PyTorch.

    python3 bench/contestants/torch/word_lm.py IDS.bin VOCABULARY --max-steps 500 --threads 2

IDS.bin holds int32, written by `node bench/acceptance/word-lm.mjs`, which runs both. Prints a loss a line.
"""

import argparse
import itertools

import numpy
import torch
from torch import nn

from language_model import LanguageModel, make_optimizer


def windows(ids, batch, steps):
    """As TokenStreams cuts a text: windows of `steps`, some a step shorter."""
    length = (len(ids) - 1) // batch
    x = ids[: batch * length].view(batch, length).t()
    y = ids[1 : batch * length + 1].view(batch, length).t()
    count = -(-length // steps)
    begins = [i * length // count for i in range(count + 1)]
    for begin, end in zip(begins, begins[1:]):
        yield x[begin:end], y[begin:end]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("ids")
    parser.add_argument("vocabulary", type=int)
    parser.add_argument("--max-steps", type=int)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    ids = torch.from_numpy(numpy.fromfile(args.ids, dtype=numpy.int32)).long()
    model = LanguageModel(args.vocabulary, hidden=200, layers=2)
    for parameter in model.parameters():
        nn.init.uniform_(parameter, -0.1, 0.1)
    optimizer = make_optimizer(model.parameters(), "sgd", 1.0)
    state = None
    for x, y in itertools.islice(windows(ids, 20, 35), args.max_steps):
        optimizer.zero_grad(set_to_none=True)
        logits, state = model(x, state)
        loss = nn.functional.cross_entropy(logits.flatten(0, 1), y.flatten())
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        state = tuple(s.detach() for s in state)
        print(loss.item(), flush=True)


if __name__ == "__main__":
    main()
