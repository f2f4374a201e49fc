"""Makes variants.safetensors: cells with peepholes, coupled gates, activations and clipping.

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


GRUS = ('gru_general', 'gru_reset_before')
GATES = {'lstm_general': 4, 'lstm_coupled': 3, 'gru_general': 3, 'gru_reset_before': 3, 'rnn_general': 1}


def clip(x, bound):
    return x if bound is None else x.clamp(-bound, bound)


def step(cell, by, wx, run, h, c):
    """One step of one row; peepholes that are absent are None."""
    w_hh, b_hh = run['w_hh'], run['b_hh']
    gate = lambda x: ACTIVATIONS[by['gate']](clip(x, by['gateClip']))
    candidate = lambda x: ACTIVATIONS[by['candidate']](clip(x, by['gateClip']))
    if cell == 'rnn_general':
        return candidate(wx + w_hh @ h + b_hh), c
    if cell in GRUS:
        (x_r, x_z, x_n), (w_r, w_z, w_n), (b_r, b_z, b_n) = wx.chunk(3), w_hh.chunk(3), b_hh.chunk(3)
        r, z = gate(x_r + w_r @ h + b_r), gate(x_z + w_z @ h + b_z)
        after = w_n @ (r * h) + b_n if cell == 'gru_reset_before' else r * (w_n @ h + b_n)
        return (1 - z) * candidate(x_n + after) + z * h, c
    p_i, p_f, p_o = (run[name] for name in ('p_i', 'p_f', 'p_o'))
    gates = (wx + w_hh @ h + b_hh).chunk(3 if cell == 'lstm_coupled' else 4)
    see = lambda p, c: 0 if p is None else p * c
    i = gate(gates[0] + see(p_i, c))
    f = 1 - i if cell == 'lstm_coupled' else gate(gates[1] + see(p_f, c))
    c = clip(f * c + i * candidate(gates[-2]), by['cellClip'])
    o = gate(gates[-1] + see(p_o, c))
    return o * ACTIVATIONS[by['output']](c), c


def run_torch(cell, by, x, runs, lengths, h0, c0):
    directions, outputs, final = len(runs), [], []
    for direction, run in enumerate(runs):
        y = [[torch.zeros(HIDDEN)] * BATCH for _ in range(STEPS)]
        last = []
        for b in range(BATCH):
            h, c = h0[direction, b], None if c0 is None else c0[direction, b]
            order = range(int(lengths[b]))
            for t in reversed(order) if direction else order:
                h, c = step(cell, by, run['w_ih'] @ x[t, b] + run['b_ih'], run, h, c)
                y[t][b] = h
            last.append((h, c))
        outputs.append(torch.stack([torch.stack(row) for row in y]))
        final.append([torch.stack(states) for states in zip(*last) if states[0] is not None])
    made = {'y': torch.cat(outputs, dim=2)}
    return made | {name: torch.stack(states) for name, states in zip(('hn', 'cn'), zip(*final))}


def reordered(cell, value):
    """Gates as ONNX has them: i o f c, and z r h."""
    if cell == 'rnn_general':
        return value
    if cell in GRUS:
        r, z, n = value.chunk(3)
        return torch.cat([z, r, n])
    if cell == 'lstm_coupled':
        i, g, o = value.chunk(3)
        return torch.cat([i, o, torch.zeros_like(i), g])  # f is not read
    i, f, g, o = value.chunk(4)
    return torch.cat([i, o, f, g])


def run_onnx(cell, by, x, runs, lengths, h0, c0):
    """The same in onnxruntime: peepholes i o f."""
    of = lambda run, name: reordered(cell, run[name])
    feeds = {
        'X': x,
        'W': torch.stack([of(run, 'w_ih') for run in runs]),
        'R': torch.stack([of(run, 'w_hh') for run in runs]),
        'B': torch.stack([torch.cat([of(run, 'b_ih'), of(run, 'b_hh')]) for run in runs]),
        'lengths': lengths,
        'h0': h0,
    }
    kind, names, outputs = 'RNN', [ONNX[by['candidate']]], ('Y', 'hn')
    options = dict(hidden_size=HIDDEN, direction='bidirectional' if len(runs) == 2 else 'forward')
    if cell in GRUS:
        kind, names = 'GRU', [ONNX[by['gate']], *names]
        options |= dict(linear_before_reset=int(cell == 'gru_general'))
    if c0 is not None:
        kind, names, outputs = 'LSTM', [ONNX[by['gate']], *names, ONNX[by['output']]], ('Y', 'hn', 'cn')
        zeros = torch.zeros(HIDDEN)
        peepholes = [torch.cat([zeros if run[p] is None else run[p] for p in ('p_i', 'p_o', 'p_f')]) for run in runs]
        feeds |= {'c0': c0, 'P': torch.stack(peepholes)}
        options |= dict(input_forget=int(cell == 'lstm_coupled'))
    names *= len(runs)
    hard = [name for name in names if name == 'HardSigmoid']
    options |= dict(activations=names)
    if hard:
        options |= dict(activation_alpha=[0.2] * len(hard), activation_beta=[0.5] * len(hard))
    if by['gateClip'] is not None:
        options['clip'] = by['gateClip']
    feeds = {name: value.detach().numpy() for name, value in feeds.items()}
    feeds = {name: value.astype(numpy.int32 if name == 'lengths' else numpy.float32) for name, value in feeds.items()}
    node = helper.make_node(kind, list(feeds), list(outputs), **options)
    number = lambda value: TensorProto.INT32 if value.dtype == numpy.int32 else TensorProto.FLOAT
    inputs = [helper.make_tensor_value_info(name, number(value), value.shape) for name, value in feeds.items()]
    shown = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs]
    model = helper.make_model(helper.make_graph([node], 'cell', inputs, shown), opset_imports=[helper.make_opsetid('', 14)])
    model.ir_version = 8
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=['CPUExecutionProvider'])
    y, *states = session.run(None, feeds)
    return {'y': y.transpose(0, 2, 1, 3).reshape(STEPS, BATCH, -1)} | dict(zip(('hn', 'cn'), states))


def make_run(cell, peepholes):
    rows = GATES[cell] * HIDDEN
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
    for cell, (name, choice), directions in itertools.product(GATES, choices.items(), (1, 2)):
        has_c = cell.startswith('lstm')
        if not has_c:
            choice = {key: value for key, value in choice.items() if key not in ('output', 'cellClip')}
            if not choice or (cell == 'rnn_general' and 'gate' in choice):
                continue
        by = usual | choice
        peepholes = '' if not has_c else 'io' if cell == 'lstm_coupled' or name == 'hard' else 'ifo'
        runs = [make_run(cell, peepholes) for _ in range(directions)]
        x, h0 = leaf(STEPS, BATCH, INPUT), leaf(directions, BATCH, HIDDEN)
        c0 = leaf(directions, BATCH, HIDDEN) if has_c else None
        lengths = torch.tensor([STEPS, 2, 3])
        outputs = run_torch(cell, by, x, runs, lengths, h0, c0)
        if by['cellClip'] is None and by['output'] in ONNX and by['candidate'] in ONNX:
            for key, value in run_onnx(cell, by, x, runs, lengths, h0, c0).items():
                difference = abs(value - outputs[key].detach().numpy()).max()
                assert difference < 1e-5, (cell, name, directions, key, difference)
        upstream = backward(outputs)
        tensors = {'x': x, 'h0': h0, 'c0': c0, 'lengths': lengths, **outputs, **upstream}
        tensors |= {'grad_x': x.grad, 'grad_h0': h0.grad, 'grad_c0': c0.grad if has_c else None}
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
