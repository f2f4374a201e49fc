"""Recurrent stacks in PyTorch: inference, or forward and backward from a given dy, dx included."""

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from serve import fastest, timed


def make_run(model, x, dy, lengths, autocast):
    def forward():
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            if lengths is None:
                return model(x)[0]
            packed = pack_padded_sequence(x, lengths)
            return pad_packed_sequence(model(packed)[0], total_length=x.shape[0])[0]

    @torch.inference_mode()
    def infer():
        forward()

    def train():
        model.zero_grad(set_to_none=True)
        x.grad = None
        y = forward()
        y.backward(dy.to(y.dtype))

    return infer if dy is None else train


def prepare_layers(
    cell,
    mode,
    precision,
    layers,
    steps,
    batch,
    input,
    hidden,
    bidirectional=False,
    lengths=None,
    cold=False,
):
    """`cold`: nothing may run yet, so that memory can be measured from the first step."""
    train = mode == "train"
    if lengths is not None:
        lengths = torch.tensor(lengths)  # longest first, which packs fastest

    def make(dtype, autocast, quantised=False):
        kind = {"lstm": nn.LSTM, "gru": nn.GRU}[cell]
        model = kind(input, hidden, layers, bidirectional=bidirectional).to(dtype).train(train)
        if quantised:
            holder = nn.Sequential(model)  # which its layer is replaced in
            model = torch.ao.quantization.quantize_dynamic(holder, {kind}, dtype=torch.qint8)[0]
        x = torch.randn(steps, batch, input, dtype=dtype, requires_grad=train)
        width = hidden * (2 if bidirectional else 1)
        dy = torch.randn(steps, batch, width, dtype=dtype) if train else None
        return make_run(model, x, dy, lengths, autocast)

    if precision == "int8":
        return timed(make(torch.float32, False, True)), {"variant": "quantize_dynamic"}
    if precision == "f32":
        return timed(make(torch.float32, False)), {}
    if cold:
        return timed(make(torch.bfloat16, False)), {"variant": "model.bfloat16()"}
    name, run = fastest(
        [
            ("model.bfloat16()", lambda: make(torch.bfloat16, False)),
            ("autocast", lambda: make(torch.float32, True)),
        ]
    )
    return timed(run), {"variant": name}
