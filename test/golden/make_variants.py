"""Makes variants.safetensors: LSTMs with peepholes, coupled gates, activations and clipping.

    /tmp/venv/bin/pip install torch==2.13.0 numpy safetensors onnx onnxruntime
    /tmp/venv/bin/python test/golden/make_variants.py

Gradients come from a plain cell in PyTorch, in double. onnxruntime has the same cells in float: each case's outputs
are held against it here, at 1e-5, but for a bound of the state and an activation of its output, which it reads
otherwise or lacks.
"""

import itertools

import numpy
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper

from make import Golden, backward, leaf

STEPS, BATCH, INPUT, HIDDEN = 4, 3, 2, 3
ACTIVATIONS = {
    'sigmoid': torch.sigmoid,
    'tanh': torch.tanh,
    'relu': torch.relu,
    'hard_sigmoid': lambda x: (0.2 * x + 0.5).clamp(0, 1),
    'identity': lambda x: x,
}
ONNX = {'sigmoid': 'Sigmoid', 'tanh': 'Tanh', 'relu': 'Relu', 'hard_sigmoid': 'HardSigmoid'}


def clip(x, bound):
    return x if bound is None else x.clamp(-bound, bound)


def step(cell, by, wx, run, h, c):
    """One step of one row; peepholes that are absent are None."""
    w_hh, b_hh, p_i, p_f, p_o = (run[name] for name in ('w_hh', 'b_hh', 'p_i', 'p_f', 'p_o'))
    gates = (wx + w_hh @ h + b_hh).chunk(3 if cell == 'lstm_coupled' else 4)
    see = lambda p, c: 0 if p is None else p * c
    gate = lambda x: ACTIVATIONS[by['gate']](clip(x, by['gateClip']))
    i = gate(gates[0] + see(p_i, c))
    f = 1 - i if cell == 'lstm_coupled' else gate(gates[1] + see(p_f, c))
    g = ACTIVATIONS[by['candidate']](clip(gates[-2], by['gateClip']))
    c = clip(f * c + i * g, by['cellClip'])
    o = gate(gates[-1] + see(p_o, c))
    return o * ACTIVATIONS[by['output']](c), c


def run_torch(cell, by, x, runs, lengths, h0, c0):
    directions, outputs, final = len(runs), [], []
    for direction, run in enumerate(runs):
        y = [[torch.zeros(HIDDEN)] * BATCH for _ in range(STEPS)]
        last = []
        for b in range(BATCH):
            h, c = h0[direction, b], c0[direction, b]
            order = range(int(lengths[b]))
            for t in reversed(order) if direction else order:
                h, c = step(cell, by, run['w_ih'] @ x[t, b] + run['b_ih'], run, h, c)
                y[t][b] = h
            last.append((h, c))
        outputs.append(torch.stack([torch.stack(row) for row in y]))
        final.append([torch.stack(states) for states in zip(*last)])
    hn, cn = (torch.stack(states) for states in zip(*final))
    return {'y': torch.cat(outputs, dim=2), 'hn': hn, 'cn': cn}


def run_onnx(cell, by, x, runs, lengths, h0, c0):
    """The same in onnxruntime: gates i o f c, peepholes i o f."""

    def reorder(value):
        if cell == 'lstm_coupled':
            i, g, o = value.chunk(3)
            return torch.cat([i, o, torch.zeros_like(i), g])  # f is not read
        i, f, g, o = value.chunk(4)
        return torch.cat([i, o, f, g])

    zeros = torch.zeros(HIDDEN)
    weights = {
        'W': torch.stack([reorder(run['w_ih']) for run in runs]),
        'R': torch.stack([reorder(run['w_hh']) for run in runs]),
        'B': torch.stack([torch.cat([reorder(run['b_ih']), reorder(run['b_hh'])]) for run in runs]),
        'P': torch.stack([torch.cat([zeros if run[p] is None else run[p] for p in ('p_i', 'p_o', 'p_f')]) for run in runs]),
    }
    feeds = {'X': x, **weights, 'h0': h0, 'c0': c0}
    feeds = {name: value.detach().numpy().astype(numpy.float32) for name, value in feeds.items()}
    feeds['lengths'] = lengths.numpy().astype(numpy.int32)
    names = [ONNX[by['gate']], ONNX[by['candidate']], ONNX[by['output']]] * len(runs)
    hard = [name for name in names if name == 'HardSigmoid']
    options = dict(hidden_size=HIDDEN, activations=names, input_forget=int(cell == 'lstm_coupled'))
    options |= dict(direction='bidirectional' if len(runs) == 2 else 'forward')
    if hard:
        options |= dict(activation_alpha=[0.2] * len(hard), activation_beta=[0.5] * len(hard))
    if by['gateClip'] is not None:
        options['clip'] = by['gateClip']
    node = helper.make_node('LSTM', ['X', 'W', 'R', 'B', 'lengths', 'h0', 'c0', 'P'], ['Y', 'hn', 'cn'], **options)
    kind = lambda value: TensorProto.INT32 if value.dtype == numpy.int32 else TensorProto.FLOAT
    inputs = [helper.make_tensor_value_info(name, kind(value), value.shape) for name, value in feeds.items()]
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in ('Y', 'hn', 'cn')]
    model = helper.make_model(helper.make_graph([node], 'lstm', inputs, outputs), opset_imports=[helper.make_opsetid('', 14)])
    model.ir_version = 8
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=['CPUExecutionProvider'])
    y, hn, cn = session.run(None, feeds)
    return {'y': y.transpose(0, 2, 1, 3).reshape(STEPS, BATCH, -1), 'hn': hn, 'cn': cn}


def make_run(cell, gates, peepholes):
    rows = gates * HIDDEN
    shapes = {'w_ih': (rows, INPUT), 'w_hh': (rows, HIDDEN), 'b_ih': (rows,), 'b_hh': (rows,)}
    run = {name: leaf(*shape, scale=0.5) for name, shape in shapes.items()}
    return run | {f'p_{k}': leaf(HIDDEN) if k in peepholes else None for k in 'ifo'}


def variants():
    golden = Golden('variants')
    usual = dict(gate='sigmoid', candidate='tanh', output='tanh', gateClip=None, cellClip=None)
    choices = {
        'peepholes': {},
        'hard': dict(gate='hard_sigmoid'),
        'relu': dict(candidate='relu', output='sigmoid'),
        'clipped': dict(gateClip=0.6),
        'bounded': dict(cellClip=0.3),
        'identity': dict(candidate='identity', output='identity'),
    }
    for cell, (name, choice), directions in itertools.product(('lstm_general', 'lstm_coupled'), choices.items(), (1, 2)):
        by = usual | choice
        peepholes = 'io' if cell == 'lstm_coupled' or name == 'hard' else 'ifo'
        runs = [make_run(cell, 3 if cell == 'lstm_coupled' else 4, peepholes) for _ in range(directions)]
        x, h0, c0 = leaf(STEPS, BATCH, INPUT), leaf(directions, BATCH, HIDDEN), leaf(directions, BATCH, HIDDEN)
        lengths = torch.tensor([STEPS, 2, 3])
        outputs = run_torch(cell, by, x, runs, lengths, h0, c0)
        if by['cellClip'] is None and by['output'] in ONNX and by['candidate'] in ONNX:
            for key, value in run_onnx(cell, by, x, runs, lengths, h0, c0).items():
                difference = abs(value - outputs[key].detach().numpy()).max()
                assert difference < 1e-5, (cell, name, directions, key, difference)
        upstream = backward(outputs)
        tensors = {'x': x, 'h0': h0, 'c0': c0, 'lengths': lengths, **outputs, **upstream}
        tensors |= {'grad_x': x.grad, 'grad_h0': h0.grad, 'grad_c0': c0.grad}
        for index, run in enumerate(runs):
            for key, value in run.items():
                if value is not None:
                    slot = key.replace('p_', 'peephole_')
                    tensors |= {f'{slot}_{index}': value, f'grad_{slot}_{index}': value.grad}
        options = dict(cell=cell, layers=1, directions=directions, hidden=HIDDEN, cellOptions=by)
        golden.add(f'{cell}-{name}-{directions}', options, tensors)
    golden.save()


if __name__ == '__main__':
    variants()
