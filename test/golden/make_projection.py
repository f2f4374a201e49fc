"""Makes projection.safetensors: LSTMs whose state is projected, as PyTorch's nn.LSTM(proj_size=).

    /tmp/venv/bin/pip install torch==2.13.0 numpy safetensors
    /tmp/venv/bin/python test/golden/make_projection.py
"""

import itertools

import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from make import Golden, backward, leaf

STEPS, BATCH, INPUT, HIDDEN, PROJECTION = 4, 3, 2, 5, 3
SLOTS = {'weight_ih': 'w_ih', 'weight_hh': 'w_hh', 'bias_ih': 'b_ih', 'bias_hh': 'b_hh', 'weight_hr': 'w_hr'}


def run_torch(module, x, lengths, h0, c0):
    if lengths is None:
        y, (hn, cn) = module(x, (h0, c0))
    else:
        packed, (hn, cn) = module(pack_padded_sequence(x, lengths, enforce_sorted=False), (h0, c0))
        y, _ = pad_packed_sequence(packed, total_length=STEPS)
    return {'y': y, 'hn': hn, 'cn': cn}


def projection():
    golden = Golden('projection')
    for layers, bidirectional, bias, ragged in itertools.product((1, 2), (False, True), (True, False), (False, True)):
        directions = 2 if bidirectional else 1
        options = dict(num_layers=layers, bidirectional=bidirectional, bias=bias, proj_size=PROJECTION)
        module = torch.nn.LSTM(INPUT, HIDDEN, **options)
        x, runs = leaf(STEPS, BATCH, INPUT), layers * directions
        h0, c0 = leaf(runs, BATCH, PROJECTION), leaf(runs, BATCH, HIDDEN)
        lengths = torch.tensor([3, 4, 1]) if ragged else None
        outputs = run_torch(module, x, lengths, h0, c0)
        upstream = backward(outputs)
        tensors = {'x': x, 'h0': h0, 'c0': c0, 'lengths': lengths, **outputs, **upstream}
        tensors |= {'grad_x': x.grad, 'grad_h0': h0.grad, 'grad_c0': c0.grad}
        for name, value in module.named_parameters():
            slot, _, at = name.partition('_l')
            layer, _, reverse = at.partition('_')
            key = f'{SLOTS[slot]}_{int(layer) * directions + bool(reverse)}'
            tensors |= {key: value, f'grad_{key}': value.grad}
        settings = dict(cell='lstm', layers=layers, directions=directions, hidden=HIDDEN, projection=PROJECTION)
        golden.add(f'{layers}-{directions}{"" if bias else "-bare"}{"-ragged" if ragged else ""}', settings, tensors)
    golden.save()


if __name__ == '__main__':
    projection()
