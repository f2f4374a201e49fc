"""Makes the golden files: what PyTorch computes, in double, for the ops of rnnative.

    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install torch==2.13.0 numpy safetensors
    /tmp/venv/bin/python test/golden/make.py [attention ...]

Every file holds the tensors of many cases, named `case/tensor`; the metadata entry `cases` is JSON
with each case's options. Gradients belong to the loss sum(output * doutput) over all outputs.
"""

import itertools
import json
import pathlib
import sys

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

torch.set_default_dtype(torch.float64)
HERE = pathlib.Path(__file__).parent


class Golden:
    def __init__(self, name):
        self.name, self.cases, self.tensors = name, {}, {}
        torch.manual_seed(len(name))

    def add(self, case, options, tensors):
        self.cases[case] = options
        for key, value in tensors.items():
            if value is None:
                continue
            value = value.detach()
            if value.dtype != torch.float64:
                value = value.to(torch.int32)
            self.tensors[f'{case}/{key}'] = value.contiguous().clone()

    def save(self):
        path = HERE / f'{self.name}.safetensors'
        save_file(self.tensors, path, metadata={'cases': json.dumps(self.cases)})
        print(f'{path.name}: {len(self.cases)} cases, {path.stat().st_size} bytes')


def leaf(*shape, scale=1.0):
    return (torch.randn(*shape) * scale).requires_grad_()


def backward(outputs):
    """Draws an upstream gradient for every output and back-propagates; returns them by name."""
    upstream = {f'd{name}': torch.randn_like(value) for name, value in outputs.items()}
    sum((value * upstream[f'd{name}']).sum() for name, value in outputs.items()).backward()
    return upstream


# ---- the recurrent stack -------------------------------------------------------------------------

GATES = {'rnn_tanh': 1, 'rnn_general': 1, 'lstm': 4, 'gru': 3, 'gru_reset_before': 3}
# A cell by option is tried with another function than its usual one.
FUNCTIONS = {'rnn_tanh': 'tanh', 'rnn_general': 'relu'}


def options_of(cell, layers, directions, hidden):
    options = dict(cell=cell, layers=layers, directions=directions, hidden=hidden)
    if cell != 'rnn_general':
        return options
    by = dict(gate='sigmoid', candidate=FUNCTIONS[cell], output='tanh', gateClip=None, cellClip=None)
    return options | dict(cellOptions=by)


def torch_module(cell, input, hidden, layers, bidirectional, bias):
    options = dict(num_layers=layers, bidirectional=bidirectional, bias=bias)
    if cell.startswith('rnn'):
        return torch.nn.RNN(input, hidden, nonlinearity=FUNCTIONS[cell], **options)
    return {'lstm': torch.nn.LSTM, 'gru': torch.nn.GRU}[cell](input, hidden, **options)


def parameters_of(cell, input, hidden, layers, directions, bias):
    """[w_ih, w_hh, b_ih, b_hh] per (layer, direction), layer-major."""
    rows, result = GATES[cell] * hidden, []
    for layer in range(layers):
        width = input if layer == 0 else directions * hidden
        for _ in range(directions):
            shapes = [(rows, width), (rows, hidden)] + [(rows,), (rows,)] * bias
            result.append([leaf(*shape, scale=0.5) for shape in shapes])
    return result


def run_torch(cell, x, parameters, lengths, h0, c0, layers, directions):
    bias = len(parameters[0]) == 4
    hidden = parameters[0][1].shape[1]
    module = torch_module(cell, x.shape[2], hidden, layers, directions == 2, bias)
    names = ['weight_ih', 'weight_hh'] + ['bias_ih', 'bias_hh'] * bias
    values = {}
    for index, run in enumerate(parameters):
        suffix = f'_l{index // directions}' + ('_reverse' if index % directions else '')
        values.update({name + suffix: value for name, value in zip(names, run)})
    state = (h0, c0) if cell == 'lstm' else h0
    if h0 is None:
        state = None
    packed = x if lengths is None else pack_padded_sequence(x, lengths, enforce_sorted=False)
    y, state = torch.func.functional_call(module, values, (packed, state))
    if lengths is not None:
        y, _ = pad_packed_sequence(y, total_length=x.shape[0])
    hn, cn = state if cell == 'lstm' else (state, None)
    return y, hn, cn


def reset_before(x, w_ih, w_hh, b_ih, b_hh, h):
    """A step of the GRU of Cho et al. 2014, which PyTorch lacks."""
    hidden = h.shape[0]
    wx = w_ih @ x + b_ih
    gates = torch.sigmoid(wx[: 2 * hidden] + w_hh[: 2 * hidden] @ h + b_hh[: 2 * hidden])
    r, z = gates[:hidden], gates[hidden:]
    n = torch.tanh(wx[2 * hidden :] + w_hh[2 * hidden :] @ (r * h) + b_hh[2 * hidden :])
    return (1 - z) * n + z * h


def run_reset_before(cell, x, parameters, lengths, h0, c0, layers, directions):
    steps, batch, _ = x.shape
    hidden = parameters[0][1].shape[1]
    final = []
    for layer in range(layers):
        outputs = []
        for direction in range(directions):
            run = layer * directions + direction
            y = [[torch.zeros(hidden)] * batch for _ in range(steps)]
            last = []
            for b in range(batch):
                h = torch.zeros(hidden) if h0 is None else h0[run, b]
                order = range(steps if lengths is None else int(lengths[b]))
                for t in reversed(order) if direction else order:
                    h = y[t][b] = reset_before(x[t, b], *parameters[run], h)
                last.append(h)
            outputs.append(torch.stack([torch.stack(row) for row in y]))
            final.append(torch.stack(last))
        x = torch.cat(outputs, dim=2)
    return x, torch.stack(final), None


def recurrent_case(golden, cell, sizes, layers, directions, ragged, bias=True, state=True):
    steps, batch, input, hidden = sizes
    lengths = None
    if ragged:
        lengths = torch.randint(1, steps + 1, (batch,))
        lengths[batch // 2] = max(1, steps - 1)
    x = leaf(steps, batch, input)
    parameters = parameters_of(cell, input, hidden, layers, directions, bias)
    h0 = leaf(layers * directions, batch, hidden) if state else None
    c0 = leaf(layers * directions, batch, hidden) if state and cell == 'lstm' else None
    run = run_reset_before if cell == 'gru_reset_before' else run_torch
    y, hn, cn = run(cell, x, parameters, lengths, h0, c0, layers, directions)
    outputs = {'y': y, 'hn': hn} | ({} if cn is None else {'cn': cn})
    upstream = backward(outputs)

    tensors = {'x': x, 'h0': h0, 'c0': c0, 'lengths': lengths, **outputs}
    tensors |= {key: value for key, value in upstream.items()}
    tensors |= {'grad_x': x.grad, 'grad_h0': h0.grad if state else None}
    tensors |= {'grad_c0': c0.grad if c0 is not None else None}
    for index, slots in enumerate(parameters):
        for name, value in zip(['w_ih', 'w_hh', 'b_ih', 'b_hh'], slots):
            tensors[f'{name}_{index}'] = value
            tensors[f'grad_{name}_{index}'] = value.grad
    name = f'{cell}-{layers}x{directions}' + '-ragged' * ragged
    name += '-nobias' * (not bias) + '-nostate' * (not state)
    options = options_of(cell, layers, directions, hidden)
    golden.add(name, options, tensors)


def recurrent():
    golden = Golden('recurrent')
    sizes = itertools.cycle([(5, 3, 4, 5), (7, 4, 1, 3), (3, 1, 3, 7), (4, 3, 5, 1), (1, 2, 2, 3)])
    for cell in GATES:
        for layers, directions, ragged in itertools.product((1, 2, 3), (1, 2), (False, True)):
            recurrent_case(golden, cell, next(sizes), layers, directions, ragged)
        recurrent_case(golden, cell, (6, 3, 7, 17), 1, 1, True, state=False)
        if cell != 'gru_reset_before':
            recurrent_case(golden, cell, (5, 2, 3, 4), 1, 2, True, bias=False)
    golden.save()


# ---- phases of a recurrent step -------------------------------------------------------------------


def philox(key, counter):
    """Philox4x32-10 (Salmon et al. 2011): four words."""
    (k0, k1), (c0, c1, c2, c3) = key, counter
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c0, 0xCD9E8D57 * c2
        c0, c1, c2, c3 = p1 >> 32 ^ c1 ^ k0, p1 & 0xFFFFFFFF, p0 >> 32 ^ c3 ^ k1, p0 & 0xFFFFFFFF
        k0, k1 = k0 + 0x9E3779B9 & 0xFFFFFFFF, k1 + 0xBB67AE85 & 0xFFFFFFFF
    return c0, c1, c2, c3


def dropout_factor(random, stream, sample, element, p):
    """0 or 1 / (1 - p), of the word that RnRandom (native/abi/base.h) gives an element."""
    sample, step = sample + random['sampleBase'], random['step']
    high = stream << 24 | (step >> 32 & 0xFF) << 16 | sample >> 32 & 0xFFFF
    word = philox(random['key'], (element >> 2, sample & 0xFFFFFFFF, step & 0xFFFFFFFF, high))[element & 3]
    return 1 / (1 - p) if (word >> 8) / 2**24 >= p else 0


def plain_step(cell, wx, w_hh, b_hh, h, c, m):
    """A step of any cell, one mask m on what w_hh is applied to."""
    if cell in FUNCTIONS:
        return getattr(torch, FUNCTIONS[cell])(wx + w_hh @ (m * h) + b_hh), c
    if cell == 'lstm':
        i, f, g, o = (wx + w_hh @ (m * h) + b_hh).chunk(4)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c
    (w_r, w_z, w_n), (x_r, x_z, x_n), (b_r, b_z, b_n) = w_hh.chunk(3), wx.chunk(3), b_hh.chunk(3)
    r, z = torch.sigmoid(x_r + w_r @ (m * h) + b_r), torch.sigmoid(x_z + w_z @ (m * h) + b_z)
    after = r * (w_n @ (m * h) + b_n) if cell == 'gru' else w_n @ (m * (r * h)) + b_n
    n = torch.tanh(x_n + after)
    return (1 - z) * n + z * h, c


def run_plain(cell, x, parameters, lengths, h0, c0, layers, directions, masks, after=lambda made, *_: made):
    """Any stack as a loop. after(made, before, t, b, run): the states that a step leaves, of those that it made."""
    steps, batch, _ = x.shape
    hidden = parameters[0][1].shape[1]
    final = []
    for layer in range(layers):
        outputs = []
        for direction in range(directions):
            run = layer * directions + direction
            w_ih, w_hh, b_ih, b_hh = parameters[run]
            y = [[torch.zeros(hidden)] * batch for _ in range(steps)]
            last = []
            for b in range(batch):
                h, c = h0[run, b], torch.zeros(hidden) if c0 is None else c0[run, b]
                order = range(int(lengths[b]))
                for t in reversed(order) if direction else order:
                    made = plain_step(cell, w_ih @ x[t, b] + b_ih, w_hh, b_hh, h, c, masks[run, b])
                    h, c = after(made, (h, c), t, b, run)
                    y[t][b] = h
                last.append((h, c))
            outputs.append(torch.stack([torch.stack(row) for row in y]))
            final.append([torch.stack(states) for states in zip(*last)])
        x = torch.cat(outputs, dim=2)
    hn, cn = (torch.stack(states) for states in zip(*final))
    return x, hn, cn if cell == 'lstm' else None


def phases():
    golden = Golden('phases')
    random = {'key': [0x9BADCAFE, 0x12345678], 'step': 2**33 + 7, 'sampleBase': 5}
    steps, batch, input, hidden, p = 4, 3, 3, 5, 0.4
    for cell, (layers, directions) in itertools.product(GATES, ((1, 1), (2, 2))):
        parameters = parameters_of(cell, input, hidden, layers, directions, True)
        x = leaf(steps, batch, input)
        lengths = torch.tensor([steps, 0, 3])
        h0 = leaf(layers * directions, batch, hidden)
        c0 = leaf(layers * directions, batch, hidden) if cell == 'lstm' else None
        masks = torch.tensor([[[dropout_factor(random, layers, b, run * hidden + j, p)
                                for j in range(hidden)] for b in range(batch)]
                              for run in range(layers * directions)], dtype=torch.float64)
        y, hn, cn = run_plain(cell, x, parameters, lengths, h0, c0, layers, directions, masks)
        outputs = {'y': y, 'hn': hn} | ({} if cn is None else {'cn': cn})
        upstream = backward(outputs)
        tensors = {'x': x, 'h0': h0, 'c0': c0, 'lengths': lengths, **outputs, **upstream}
        tensors |= {'grad_x': x.grad, 'grad_h0': h0.grad, 'grad_c0': None if c0 is None else c0.grad}
        for index, slots in enumerate(parameters):
            for name, value in zip(['w_ih', 'w_hh', 'b_ih', 'b_hh'], slots):
                tensors |= {f'{name}_{index}': value, f'grad_{name}_{index}': value.grad}
        options = options_of(cell, layers, directions, hidden)
        options |= dict(phases={'state_dropout': p}, random=random)
        golden.add(f'{cell}-{layers}x{directions}-state_dropout', options, tensors)
    golden.save()


# ---- attention -----------------------------------------------------------------------------------


def attend(score, queries, keys, values, v=None, memory_lengths=None):
    """Context and weights; everything [time, batch, features]. Rows without memory get zeros."""
    q, k = queries.transpose(0, 1), keys.transpose(0, 1)
    if score == 'additive':
        scores = torch.tanh(q[:, :, None] + k[:, None]) @ v
    else:
        scores = q @ k.transpose(1, 2)
        if score == 'scaled_dot':
            scores = scores / q.shape[2] ** 0.5
    if memory_lengths is None:
        weights = scores.softmax(2)
    else:
        real = torch.arange(k.shape[1])[None, None] < memory_lengths[:, None, None]
        weights = scores.masked_fill(~real, -1e30).softmax(2) * real
    return (weights @ values.transpose(0, 1)).transpose(0, 1), weights.transpose(0, 1)


def attention():
    golden = Golden('attention')
    for score, ragged in itertools.product(('additive', 'dot', 'scaled_dot'), (False, True)):
        steps, time, batch, features, width = 4, 5, 3, 6, 7
        queries, keys = leaf(steps, batch, features), leaf(time, batch, features)
        values = leaf(time, batch, width)
        v = leaf(features) if score == 'additive' else None
        query_lengths = torch.tensor([4, 0, 2]) if ragged else None
        memory_lengths = torch.tensor([3, 5, 0]) if ragged else None
        context, weights = attend(score, queries, keys, values, v, memory_lengths)
        if ragged:
            real = torch.arange(steps)[:, None, None] < query_lengths[None, :, None]
            context, weights = context * real, weights * real
        outputs = dict(context=context, weights=weights)
        upstream = backward(outputs)
        tensors = dict(queries=queries, keys=keys, values=values, v=v, **outputs, **upstream)
        tensors |= dict(query_lengths=query_lengths, memory_lengths=memory_lengths)
        tensors |= dict(grad_queries=queries.grad, grad_keys=keys.grad, grad_values=values.grad)
        tensors |= dict(grad_v=v.grad if v is not None else None)
        golden.add(score + '-ragged' * ragged, dict(score=score), tensors)
    golden.save()


# ---- the attentional decoder -----------------------------------------------------------------


def run_cells(cell, x, parameters, states):
    """One step of all layers; `states`: per layer h, or (h, c)."""
    after = []
    for slots, state in zip(parameters, states):
        step = torch.lstm_cell if cell == 'lstm' else torch.gru_cell
        state = step(x, state, *slots)
        x = state[0] if cell == 'lstm' else state
        after.append(state)
    return x, after


def run_decoder(cell, feeding, score, x, memory, weights, parameters, state):
    """A batch of one. Yields what each step puts out, then the final states."""
    keys, values = memory
    w_query, v, w_out, b_out = weights
    h, c, fed = state
    states = [(h[l], c[l]) if cell == 'lstm' else h[l] for l in range(len(parameters))]
    steps = []
    for t in range(x.shape[0]):
        if feeding == 'context':
            top = states[-1][0] if cell == 'lstm' else states[-1]
            context, alignment = attend(score, (top @ w_query.T)[None], keys, values, v)
            top, states = run_cells(cell, torch.cat([x[t], context[0]], 1), parameters, states)
            steps.append((top, context[0], alignment[0]))
        else:
            top, states = run_cells(cell, torch.cat([x[t], fed], 1), parameters, states)
            context, alignment = attend(score, (top @ w_query.T)[None], keys, values, v)
            fed = torch.tanh(torch.cat([context[0], top], 1) @ w_out.T + b_out)
            steps.append((fed, context[0], alignment[0]))
    h = torch.stack([s[0] if cell == 'lstm' else s for s in states])
    c = torch.stack([s[1] for s in states]) if cell == 'lstm' else None
    return steps, h, c, fed


def decoder_case(golden, name, cell, feeding, score, layers=2):
    time, batch, input, hidden, keys_time, features, width, output = 4, 3, 3, 5, 6, 4, 7, 6
    fed_size = output if feeding == 'output' else width
    lengths, memory_lengths = torch.tensor([4, 0, 2]), torch.tensor([6, 3, 4])
    x = leaf(time, batch, input)
    keys, values = leaf(keys_time, batch, features), leaf(keys_time, batch, width)
    w_query = leaf(features, hidden, scale=0.5)
    v = leaf(features) if score == 'additive' else None
    w_out = leaf(output, width + hidden, scale=0.5) if feeding == 'output' else None
    b_out = leaf(output) if feeding == 'output' else None
    h0, c0 = leaf(layers, batch, hidden), leaf(layers, batch, hidden) if cell == 'lstm' else None
    fed0 = leaf(batch, output) if feeding == 'output' else None
    parameters = parameters_of(cell, input + fed_size, hidden, 1, 1, True)
    parameters += parameters_of(cell, hidden, hidden, layers - 1, 1, True)
    rows = []
    for b in range(batch):
        n, m = int(lengths[b]), int(memory_lengths[b])
        one = slice(b, b + 1)
        state = [s if s is None else s[..., one, :] for s in (h0, c0, fed0)]
        steps, h, c, fed = run_decoder(
            *(cell, feeding, score, x[:n, one], (keys[:m, one], values[:m, one])),
            *((w_query, v, w_out, b_out), parameters, state),
        )
        sizes = (output if feeding == 'output' else hidden, width, m)
        padded = [
            torch.cat([step[i] for step in steps] + [torch.zeros(time - n, size)])
            for i, size in enumerate(sizes)
        ]
        padded[2] = F.pad(padded[2], (0, keys_time - m))
        rows.append([*padded, h, c, fed])
    outputs = {key: torch.stack([row[i] for row in rows], 1) for i, key in
               enumerate(('y', 'context', 'weights'))}
    outputs['hn'] = torch.cat([row[3] for row in rows], 1)
    if cell == 'lstm':
        outputs['cn'] = torch.cat([row[4] for row in rows], 1)
    if feeding == 'output':
        del outputs['context']
        outputs['fedn'] = torch.cat([row[5] for row in rows])
    upstream = backward(outputs)
    inputs = dict(x=x, keys=keys, values=values, w_query=w_query, v=v, w_out=w_out, b_out=b_out)
    inputs |= dict(h0=h0, c0=c0, fed0=fed0)
    for index, slots in enumerate(parameters):
        inputs |= {f'{slot}_{index}': value
                   for slot, value in zip(['w_ih', 'w_hh', 'b_ih', 'b_hh'], slots)}
    gradients = {f'grad_{key}': value.grad for key, value in inputs.items() if value is not None}
    tensors = inputs | outputs | upstream | gradients
    tensors |= dict(target_lengths=lengths, memory_lengths=memory_lengths)
    settings = dict(cell=cell, layers=layers, hidden=hidden, score=score, feeding=feeding)
    golden.add(name, settings, tensors)


def decoder():
    golden = Golden('decoder')
    decoder_case(golden, 'bahdanau-gru', 'gru', 'context', 'additive')
    decoder_case(golden, 'luong-lstm-input-feeding', 'lstm', 'output', 'dot')
    golden.save()


# ---- layers ------------------------------------------------------------------------------------------


def cross_entropy():
    golden = Golden('cross_entropy')
    for projected, bias, smoothing, weighted, ignored in itertools.product((False, True), repeat=5):
        if bias and not projected:
            continue
        rows, features, classes = (7, 5, 11) if projected else (5, 9, 9)
        x = leaf(rows, features, scale=2)
        weight = leaf(classes, features) if projected else None
        b = leaf(classes) if bias else None
        class_weights = torch.rand(classes) + 0.1 if weighted else None
        targets = torch.randint(0, classes, (rows,))
        if ignored:
            targets[1] = targets[rows - 1] = -100
        label_smoothing = 0.1 if smoothing else 0.0
        logits = F.linear(x, weight, b) if projected else x
        options = dict(weight=class_weights, label_smoothing=label_smoothing, ignore_index=-100)
        losses = F.cross_entropy(logits, targets, reduction='none', **options)
        upstream = backward({'losses': losses})
        flags = dict(projected=projected, bias=bias, smoothing=smoothing, weighted=weighted)
        flags['ignored'] = ignored
        golden.add(
            '-'.join(key for key, value in flags.items() if value) or 'plain',
            dict(labelSmoothing=label_smoothing, ignoreIndex=-100),
            dict(x=x, weight=weight, bias=b, targets=targets, class_weights=class_weights)
            | dict(losses=losses, mean=F.cross_entropy(logits, targets, **options), **upstream)
            | dict(grad_x=x.grad, grad_weight=weight.grad if projected else None)
            | dict(grad_bias=b.grad if bias else None),
        )
    golden.save()


def layer_norm():
    golden = Golden('layer_norm')
    for (rows, features), affine in itertools.product([(1, 3), (5, 17), (3, 1)], (False, True)):
        x = leaf(rows, features, scale=3)
        gain, bias = (leaf(features), leaf(features)) if affine else (None, None)
        y = F.layer_norm(x, (features,), gain, bias, eps=1e-5)
        upstream = backward({'y': y})
        tensors = dict(x=x, gain=gain, bias=bias, y=y, grad_x=x.grad, **upstream)
        if affine:
            tensors |= dict(grad_gain=gain.grad, grad_bias=bias.grad)
        golden.add(f'{rows}x{features}' + '-affine' * affine, dict(eps=1e-5), tensors)
    golden.save()


def softmax():
    golden = Golden('softmax')
    for (rows, columns), log in itertools.product([(1, 3), (5, 17), (3, 100)], (False, True)):
        x = leaf(rows, columns, scale=5)
        y = F.log_softmax(x, dim=1) if log else F.softmax(x, dim=1)
        upstream = backward({'y': y})
        tensors = dict(x=x, y=y, grad_x=x.grad, **upstream)
        golden.add(f'{rows}x{columns}' + '-log' * log, dict(log=log), tensors)
    golden.save()


def embedding():
    golden = Golden('embedding')
    ids, table = torch.tensor([[3, 0, 3], [6, 3, 1]]), leaf(7, 5)
    y = F.embedding(ids, table)
    upstream = backward({'y': y})
    golden.add('repeated', {}, dict(ids=ids, table=table, y=y, grad_table=table.grad, **upstream))
    golden.save()


# ---- optimizers ------------------------------------------------------------------------------------------

OPTIMIZERS = {
    'sgd': {},
    'sgd-decay': dict(weight_decay=0.1),
    'sgd-momentum': dict(momentum=0.9),
    'sgd-dampening': dict(momentum=0.9, dampening=0.3, weight_decay=0.01),
    'sgd-nesterov': dict(momentum=0.9, nesterov=True, weight_decay=0.01),
    'adam': {},
    'adam-decay': dict(weight_decay=0.1, betas=(0.8, 0.95), eps=1e-6),
    'adamw': {},
    'adamw-decay': dict(weight_decay=0.3),
    'rmsprop': {},
    'rmsprop-momentum': dict(momentum=0.9, alpha=0.9, weight_decay=0.01),
    'rmsprop-centered': dict(centered=True),
    'rmsprop-centered-momentum': dict(centered=True, momentum=0.5),
    'adagrad': {},
    'adagrad-decay': dict(lr_decay=0.1, weight_decay=0.05),
}
CLASSES = dict(sgd='SGD', adam='Adam', adamw='AdamW', rmsprop='RMSprop', adagrad='Adagrad')
STEPS = 10


def optimizers():
    golden = Golden('optimizers')
    for (name, options), clip in itertools.product(OPTIMIZERS.items(), (0, 3)):
        kind = name.split('-')[0]
        parameters = [leaf(17), leaf(2, 3)]
        start = [p.detach().clone() for p in parameters]
        optimizer = getattr(torch.optim, CLASSES[kind])(parameters, lr=0.05, **options)
        gradients = [torch.randn(STEPS, *p.shape) for p in parameters]
        trajectories, norms = [[], []], []
        for step in range(STEPS):
            for p, g in zip(parameters, gradients):
                p.grad = g[step].clone()
            norms.append(torch.nn.utils.clip_grad_norm_(parameters, clip or float('inf')))
            optimizer.step()
            for p, trajectory in zip(parameters, trajectories):
                trajectory.append(p.detach().clone())
        defaults = {key: value for key, value in optimizer.defaults.items() if value is not None}
        beta1, beta2 = defaults.pop('betas', (0, 0))
        keys = ['lr', 'weight_decay', 'momentum', 'dampening', 'eps', 'alpha', 'lr_decay']
        keys += ['nesterov', 'centered']
        settings = {key: defaults[key] for key in keys if key in defaults}
        settings |= dict(kind=kind, clip_norm=clip, beta1=beta1, beta2=beta2)
        tensors = {'norm': torch.stack(norms)}
        for i in range(2):
            tensors |= {f'start_{i}': start[i], f'gradients_{i}': gradients[i]}
            tensors |= {f'trajectory_{i}': torch.stack(trajectories[i])}
        golden.add(name + '-clip' * (clip > 0), settings, tensors)
    golden.save()


if __name__ == '__main__':
    makers = (recurrent, phases, attention, decoder, cross_entropy, layer_norm, softmax, embedding)
    makers += (optimizers,)
    chosen = sys.argv[1:]
    for make in makers:
        if not chosen or make.__name__ in chosen:
            make()
