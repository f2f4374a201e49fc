"""More golden files, of what surrounds the ops in training: see make.py, whose tools it takes.

    /tmp/venv/bin/python test/golden/make_training.py [weight_drop ...]
"""

import itertools
import sys

import torch
from make import (FUNCTIONS, GATES, Golden, backward, dropout_factor, leaf, parameters_of,
                  run_reset_before, run_torch)


def weight_drop():
    """PyTorch's own cells, their recurrent weights multiplied with masks (Merity et al. 2017)."""
    golden = Golden('weight_drop')
    steps, batch, input, hidden, p = 3, 2, 3, 5, 0.4
    for cell, (layers, directions) in itertools.product(GATES, ((1, 1), (2, 2))):
        parameters = parameters_of(cell, input, hidden, layers, directions, True)
        x = leaf(steps, batch, input)
        keys = [[0x9BADCAFE, 100 + run] for run in range(len(parameters))]
        step = 2**33 + 7
        dropped = []
        for key, (w_ih, w_hh, *biases) in zip(keys, parameters):
            random = dict(key=key, step=step, sampleBase=0)
            mask = torch.tensor([[dropout_factor(random, 0, row, column, p) for column in range(hidden)]
                                 for row in range(w_hh.shape[0])], dtype=torch.float64)
            dropped.append([w_ih, w_hh * mask, *biases])
        run = run_reset_before if cell == 'gru_reset_before' else run_torch
        y, hn, _ = run(cell, x, dropped, None, None, None, layers, directions)
        outputs = {'y': y, 'hn': hn}
        tensors = {'x': x, **outputs, **backward(outputs), 'grad_x': x.grad}
        for index, slots in enumerate(parameters):
            for name, value in zip(['weight_ih', 'weight_hh', 'bias_ih', 'bias_hh'], slots):
                suffix = f'l{index // directions}' + '_reverse' * (index % directions)
                tensors |= {f'{name}_{suffix}': value, f'grad_{name}_{suffix}': value.grad}
        options = dict(cell=cell, layers=layers, directions=directions, input=input, hidden=hidden)
        options |= dict(activations=dict(candidate=FUNCTIONS.get(cell)))
        golden.add(f'{cell}-{layers}x{directions}', options | dict(p=p, keys=keys, step=step), tensors)
    golden.save()


def penalties():
    """Activations as the code of Merity et al. 2017 has them, sums in place of means; Pereyra et al. 2017."""
    golden = Golden('penalties')
    steps, batch, features = 4, 3, 5
    for ragged in (False, True):
        lengths = torch.tensor([4, 0, 2]) if ragged else torch.tensor([steps] * batch)
        real = (torch.arange(steps)[:, None] < lengths).double()
        totals = dict(
            activation=lambda x: (x.pow(2).mean(2) * real).sum(),
            temporal=lambda x: ((x[1:] - x[:-1]).pow(2).mean(2) * real[1:]).sum(),
            confidence=lambda x: -(torch.distributions.Categorical(logits=x).entropy() * real).sum(),
        )
        for name, total in totals.items():
            x = leaf(steps, batch, features, scale=2)
            y = total(x)
            y.backward()
            tensors = dict(x=x, lengths=lengths if ragged else None, y=y, grad_x=x.grad)
            golden.add(f'{name}-{"ragged" if ragged else "full"}', dict(name=name), tensors)
    golden.save()


def averages():
    """PyTorch's averages of weights over the steps of an optimizer."""
    golden = Golden('averages')
    steps = 8
    start, gradients = torch.randn(7, dtype=torch.float64), torch.randn(steps, 7, dtype=torch.float64)

    def run(optimizer_of, average_of):
        module = torch.nn.Linear(7, 1, bias=False).double()
        module.weight.data = start.clone()[None]
        optimizer = optimizer_of(module.parameters())
        average = average_of(module, optimizer)
        weights, averages = [], []
        for step in range(steps):
            module.weight.grad = gradients[step].clone()[None]
            optimizer.step()
            weights.append(module.weight.detach()[0].clone())
            averages.append(average().detach()[0].clone())
        return dict(weights=torch.stack(weights), averages=torch.stack(averages))

    def averaged(**options):
        def make(module, _):
            average = torch.optim.swa_utils.AveragedModel(module, **options)

            def update():
                average.update_parameters(module)
                return average.module.weight
            return update
        return make

    sgd = lambda parameters: torch.optim.SGD(parameters, lr=0.1)
    asgd = lambda parameters: torch.optim.ASGD(parameters, lr=0.1, lambd=0, alpha=0, t0=3)
    ema = torch.optim.swa_utils.get_ema_multi_avg_fn(0.9)
    golden.add('ema', dict(name='ema', decay=0.9, after=0), run(sgd, averaged(multi_avg_fn=ema)))
    golden.add('swa', dict(name='swa', every=1, after=0), run(sgd, averaged()))
    ax = lambda module, optimizer: lambda: optimizer.state[module.weight]['ax']
    # Its average is that of the weights after step t0 + 1, and the first of them counts from there on.
    golden.add('asgd', dict(name='asgd', after=4), run(asgd, ax))
    golden.save()


if __name__ == '__main__':
    chosen = sys.argv[1:]
    for make in (weight_drop, penalties, averages):
        if not chosen or make.__name__ in chosen:
            make()
