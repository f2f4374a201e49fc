"""The demo's language model in PyTorch: same text, split, model, optimizer and time limit.

    python3 bench/contestants/torch/char_lm.py TRAIN.txt VALID.txt --seconds 60 --threads 2

Prints one JSON object. TRAIN and VALID are written by `node bench/char-lm.mjs`, which runs both.
"""

import argparse
import json
import time

import torch
from torch import nn

from language_model import LanguageModel, make_optimizer, train_step


def batches(ids, batch, steps):
    width = (len(ids) - 1) // batch
    x = ids[: batch * width].view(batch, width).t()
    y = ids[1 : batch * width + 1].view(batch, width).t()
    for begin in range(0, width - steps + 1, steps):
        yield x[begin : begin + steps], y[begin : begin + steps]


@torch.no_grad()
def evaluate(model, ids):
    total, state = 0.0, None
    for begin in range(0, len(ids) - 1, 1000):
        x = ids[begin : min(begin + 1000, len(ids) - 1)]
        logits, state = model(x[:, None], state)
        target = ids[begin + 1 : begin + 1 + len(x)]
        total += nn.functional.cross_entropy(logits[:, 0], target, reduction="sum").item()
    return total / (len(ids) - 1)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("train")
    parser.add_argument("valid")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--hidden", type=int, default=128)
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--batch", type=int, default=50)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--learning-rate", type=float, default=4e-3)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(1)
    text, held_out = (open(f, encoding="utf-8").read() for f in (args.train, args.valid))
    index = {c: i for i, c in enumerate(sorted(set(text + held_out)))}
    ids, valid = (torch.tensor([index[c] for c in t]) for t in (text, held_out))
    model = LanguageModel(len(index), args.hidden, args.layers)
    optimizer = make_optimizer(model.parameters(), "adam", args.learning_rate)
    tokens, begin, done, state = 0, time.perf_counter(), False, None
    while not done:
        state = None
        for x, y in batches(ids, args.batch, args.steps):
            state = train_step(model, optimizer, x, y, state, 1.0)
            tokens += x.numel()
            if time.perf_counter() - begin >= args.seconds:
                done = True
                break
    seconds = time.perf_counter() - begin
    print(json.dumps({
        "framework": f"PyTorch {torch.__version__}", "threads": args.threads, "seconds": seconds,
        "tokens": tokens, "tokensPerSecond": tokens / seconds, "validationNats": evaluate(model, valid),
    }))


if __name__ == "__main__":
    main()
