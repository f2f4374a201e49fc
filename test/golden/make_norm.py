"""Makes norm.safetensors: plain PyTorch RNN, LSTM and GRU cells, in double, with layer norm (Ba et al. 2016).

    /tmp/venv/bin/pip install torch==2.13.0 numpy safetensors
    /tmp/venv/bin/python test/golden/make_norm.py
"""

import itertools

import torch
import torch.nn.functional as F

from make import Golden, backward, leaf

STEPS, BATCH, INPUT, HIDDEN = 4, 3, 2, 5
GATES = {'lstm': 4, 'gru': 3, 'rnn_tanh': 1}
# Gates whose sums are normalised together.
BLOCKS = {'lstm': (4,), 'gru': (2, 1), 'rnn_tanh': (1,)}


def norm(sums, gain, blocks):
    widths = [block * HIDDEN for block in blocks]
    parts = [F.layer_norm(part, part.shape) for part in sums.split(widths)]
    return torch.cat(parts) * gain


def step(cell, p, x, h, c):
    of_x = norm(p['w_ih'] @ x, p['norm_ih'], BLOCKS[cell]) + p.get('b_ih', 0)
    of_h = norm(p['w_hh'] @ h, p['norm_hh'], BLOCKS[cell]) + p.get('b_hh', 0)
    if cell == 'rnn_tanh':
        return (of_x + of_h).tanh(), None
    if cell == 'gru':
        r, z = (of_x + of_h)[: 2 * HIDDEN].sigmoid().split(HIDDEN)
        n = (of_x[2 * HIDDEN :] + r * of_h[2 * HIDDEN :]).tanh()
        return (1 - z) * n + z * h, None
    i, f, g, o = (of_x + of_h).split(HIDDEN)
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    seen = F.layer_norm(c, c.shape) * p['norm_c'] + p['norm_c_bias']
    return o.sigmoid() * seen.tanh(), c


def draw(cell, width, bias):
    gates = GATES[cell] * HIDDEN
    p = {'w_ih': leaf(gates, width, scale=0.5), 'w_hh': leaf(gates, HIDDEN, scale=0.5)}
    p |= {'b_ih': leaf(gates), 'b_hh': leaf(gates)} if bias else {}
    p |= {'norm_ih': leaf(gates), 'norm_hh': leaf(gates)}
    return p | ({'norm_c': leaf(HIDDEN), 'norm_c_bias': leaf(HIDDEN)} if cell == 'lstm' else {})


def run(cell, x, parameters, lengths, h0, c0, layers, directions):
    hn, cn, below = [], [], x
    for layer in range(layers):
        columns = []
        for direction in range(directions):
            index = layer * directions + direction
            rows = []
            for b in range(BATCH):
                h, c = h0[index, b], None if c0 is None else c0[index, b]
                outputs = [torch.zeros(HIDDEN)] * STEPS
                times = range(lengths[b])
                for t in reversed(times) if direction else times:
                    h, c = step(cell, parameters[index], below[t, b], h, c)
                    outputs[t] = h
                rows.append(torch.stack(outputs))
                hn.append(h)
                cn.append(c)
            columns.append(torch.stack(rows, 1))
        below = torch.cat(columns, -1)
    shape = (layers * directions, BATCH, HIDDEN)
    finals = {'hn': torch.stack(hn).reshape(shape)}
    return {'y': below} | finals | ({'cn': torch.stack(cn).reshape(shape)} if c0 is not None else {})


def main():
    golden = Golden('norm')
    for cell, (layers, directions), bias in itertools.product(GATES, ((1, 1), (2, 2)), (True, False)):
        runs = layers * directions
        parameters = [draw(cell, INPUT if i < directions else directions * HIDDEN, bias) for i in range(runs)]
        x, h0 = leaf(STEPS, BATCH, INPUT), leaf(runs, BATCH, HIDDEN)
        c0 = leaf(runs, BATCH, HIDDEN) if cell == 'lstm' else None
        lengths = torch.tensor([4, 0, 3] if bias else [STEPS] * BATCH)
        outputs = run(cell, x, parameters, lengths, h0, c0, layers, directions)
        tensors = {'x': x, 'h0': h0, 'c0': c0, 'lengths': lengths, **outputs, **backward(outputs)}
        tensors |= {'grad_x': x.grad, 'grad_h0': h0.grad, 'grad_c0': None if c0 is None else c0.grad}
        for index, slots in enumerate(parameters):
            for name, value in slots.items():
                tensors |= {f'{name}_{index}': value, f'grad_{name}_{index}': value.grad}
        settings = dict(cell=cell, layers=layers, directions=directions, hidden=HIDDEN, norm=True)
        golden.add(f'{cell}-{layers}-{directions}{"" if bias else "-bare"}', settings, tensors)
    golden.save()


if __name__ == '__main__':
    main()
