"""The contestant PyTorch on the GPU (cuDNN), in the faster of fp16 and bf16. Times are of CUDA events."""

import os
import subprocess
import sys

import torch
from torch import nn

for folder in ("measure", "contestants/torch"):
    sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", folder))

from language_model import LanguageModel, make_optimizer, train_step
from serve import fastest, serve
from torch_attention import FORMS
from torch_layers import make_run

HALVES = {"fp16": torch.float16, "bf16": torch.bfloat16}
EAGER = ("tanh(q + k) @ v", "tanh_ in place")  # of the forms of additive attention
WINDOWS = 100


def timed(run):
    """A prepared task whose runs are timed together: the mean, once."""

    def runs(count):
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        for _ in range(count):
            run()
        end.record()
        end.synchronize()
        return [begin.elapsed_time(end) / count]

    return runs


def fastest_half(make, variants=("",)):
    """`make(dtype, variant)` in each of the two types."""
    candidates = [
        (f"{name} {variant}".strip(), lambda dtype=dtype, variant=variant: make(dtype, variant))
        for name, dtype in HALVES.items()
        for variant in variants
    ]
    name, run = fastest(candidates, trials=10, timed=timed)
    return timed(run), {"variant": name}


def prepare_layers(
    cell, mode, precision, layers, steps, batch, input, hidden, bidirectional=False, lengths=None
):
    train = mode == "train"
    if lengths is not None:
        lengths = torch.tensor(lengths)  # on the host, longest first

    def make(dtype, _):
        kind = {"lstm": nn.LSTM, "gru": nn.GRU}[cell]
        model = kind(input, hidden, layers, bidirectional=bidirectional)
        model = model.to("cuda", dtype).train(train)
        model.flatten_parameters()
        like = {"dtype": dtype, "device": "cuda"}
        x = torch.randn(steps, batch, input, requires_grad=train, **like)
        width = hidden * (2 if bidirectional else 1)
        dy = torch.randn(steps, batch, width, **like) if train else None
        return make_run(model, x, dy, lengths, False)

    return fastest_half(make)


def prepare_attention(score, batch, queries, keys, features, width, cold=False):
    """`cold`: nothing may run yet, so that memory can be measured from the first step."""

    def make(dtype, form):
        def leaf(*shape):
            return torch.randn(*shape, dtype=dtype, device="cuda", requires_grad=True)

        q, k = leaf(batch, queries, features), leaf(batch, keys, features)
        values, v = leaf(batch, keys, width), leaf(features)
        gradient = torch.randn(batch, queries, width, dtype=dtype, device="cuda")

        def run():
            for x in (q, k, values, v):
                x.grad = None
            FORMS[score][form](q, k, values, v).backward(gradient)

        return run

    if cold:
        return timed(make(torch.bfloat16, EAGER[0])), {"variant": f"bf16 {EAGER[0]}"}
    return fastest_half(make, EAGER)


def prepare_language(
    vocabulary, layers, hidden, steps, batch, dropout, optimizer, clipNorm, precision
):
    model = LanguageModel(vocabulary, hidden, layers, dropout).cuda().train()
    update = make_optimizer(model.parameters(), **optimizer)
    ids = torch.randint(vocabulary, (WINDOWS * steps + 1, batch), device="cuda")
    state, window = None, 0

    def run():
        nonlocal state, window
        begin = window % WINDOWS * steps
        x, y = ids[begin : begin + steps], ids[begin + 1 : begin + steps + 1]
        with torch.autocast("cuda", torch.bfloat16):
            carried = train_step(model, update, x, y, state, clipNorm)
        state = tuple(s.float() for s in carried)  # as the embedding's output is
        window += 1

    return timed(run), {"variant": "bf16 autocast"}


def growth(work):
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    work()
    torch.cuda.synchronize()
    return torch.cuda.max_memory_allocated() - before


def machine():
    """What the device is, and what it can do: a matrix product and a copy, both of random data."""
    a, b = (torch.randn(8192, 8192, dtype=torch.bfloat16, device="cuda") for _ in range(2))
    source = torch.randn(1 << 29, device="cuda")  # 2 GiB
    target = torch.empty_like(source)
    product, copy = timed(lambda: torch.mm(a, b)), timed(lambda: target.copy_(source))
    best = lambda runs: min(runs(10)[0] for _ in range(4))
    query = ["nvidia-smi", "--query-gpu=name,driver_version,clocks.max.sm", "--format=csv,noheader,nounits"]
    name, driver, clock = subprocess.check_output(query, text=True).splitlines()[0].split(", ")
    properties = torch.cuda.get_device_properties(0)
    return {
        "device": name,
        "driver": driver,
        "megahertz": float(clock),
        "multiprocessors": properties.multi_processor_count,
        "teraflops": 2 * 8192**3 / best(product) / 1e9,
        "gigabytesPerSecond": 2 * source.nbytes / best(copy) / 1e6,
    }


TASKS = {
    "attention": prepare_attention,
    "layers": prepare_layers,
    "language": prepare_language,
}

if __name__ == "__main__":
    torch.manual_seed(1)
    torch.backends.cudnn.benchmark = True
    serve(
        lambda task: TASKS[task.pop("kind")](**task),
        growth=growth,
        machine=machine,
        versions=lambda: {
            "torch": torch.__version__,
            "cuda": torch.version.cuda,
            "cudnn": torch.backends.cudnn.version(),
        },
    )
