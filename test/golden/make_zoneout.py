"""Makes zoneout.safetensors: plain PyTorch cells, in double, with zoneout (Krueger et al. 2017).

    /tmp/venv/bin/pip install torch==2.13.0 numpy safetensors
    /tmp/venv/bin/python test/golden/make_zoneout.py

Training, by itself and beside dropout of the state, has masks drawn as the library draws them; evaluation has none.
"""

import itertools

import torch

from make import GATES, Golden, backward, dropout_factor, leaf, options_of, parameters_of, run_plain

RANDOM = {'key': [0x9BADCAFE, 0x12345678], 'step': 2**33 + 7, 'sampleBase': 5}
STEPS, BATCH, INPUT, HIDDEN = 4, 3, 3, 5
LAYERS, DIRECTIONS = 2, 2
RUNS = LAYERS * DIRECTIONS
PHASES = ('state_dropout', 'zoneout_hidden', 'zoneout_cell')


def kept(phase, p, training, t, b, run):
    """What zoneout leaves of each unit of a state."""
    if not training:
        return torch.full((HIDDEN,), p)
    first, stream = (t * RUNS + run) * HIDDEN, LAYERS + PHASES.index(phase)
    drawn = [dropout_factor(RANDOM, stream, b, first + j, p) == 0 for j in range(HIDDEN)]
    return torch.tensor(drawn, dtype=torch.float64)


def run_zoned(cell, x, parameters, lengths, h0, c0, amounts, training):
    p = amounts.get('state_dropout', 0)
    masks = torch.tensor([[[dropout_factor(RANDOM, LAYERS, b, run * HIDDEN + j, p) for j in range(HIDDEN)]
                           for b in range(BATCH)] for run in range(RUNS)], dtype=torch.float64)

    def zoned(made, before, t, b, run):
        kept_of = [kept(phase, amounts.get(phase, 0), training, t, b, run) for phase in PHASES[1:]]
        return [m * old + (1 - m) * new for m, old, new in zip(kept_of, before, made)]

    y, hn, cn = run_plain(cell, x, parameters, lengths, h0, c0, LAYERS, DIRECTIONS, masks, zoned)
    return {'y': y, 'hn': hn} | ({} if cn is None else {'cn': cn})


def zoneout():
    golden = Golden('zoneout')
    for cell, mode in itertools.product(GATES, ('training', 'beside-state_dropout', 'evaluation')):
        amounts = {'zoneout_hidden': 0.3} | ({'zoneout_cell': 0.45} if cell == 'lstm' else {})
        amounts |= {'state_dropout': 0.4} if mode == 'beside-state_dropout' else {}
        parameters = parameters_of(cell, INPUT, HIDDEN, LAYERS, DIRECTIONS, True)
        x = leaf(STEPS, BATCH, INPUT)
        lengths = torch.tensor([STEPS, 0, 3])
        h0 = leaf(RUNS, BATCH, HIDDEN)
        c0 = leaf(RUNS, BATCH, HIDDEN) if cell == 'lstm' else None
        outputs = run_zoned(cell, x, parameters, lengths, h0, c0, amounts, mode != 'evaluation')
        tensors = {'x': x, 'h0': h0, 'c0': c0, 'lengths': lengths, **outputs, **backward(outputs)}
        tensors |= {'grad_x': x.grad, 'grad_h0': h0.grad, 'grad_c0': None if c0 is None else c0.grad}
        for index, slots in enumerate(parameters):
            for name, value in zip(['w_ih', 'w_hh', 'b_ih', 'b_hh'], slots):
                tensors |= {f'{name}_{index}': value, f'grad_{name}_{index}': value.grad}
        options = options_of(cell, LAYERS, DIRECTIONS, HIDDEN) | dict(phases=amounts)
        golden.add(f'{cell}-{mode}', options | ({} if mode == 'evaluation' else {'random': RANDOM}), tensors)
    golden.save()


if __name__ == '__main__':
    zoneout()
