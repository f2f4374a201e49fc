"""Cells that PyTorch lacks, written as it is done there: the inputs' products at once, then a loop over steps; plain,
or with the step compiled. `mode` train: forward and backward from a given dy, dx included."""

import torch
from torch import nn

from serve import fastest, timed


class Cell(nn.Module):
    def __init__(self, variant, input, hidden):
        super().__init__()
        self.variant, self.gates = variant, 3 if variant == "coupled" else 4
        bound = hidden**-0.5
        shapes = dict(w=(self.gates * hidden, input), r=(self.gates * hidden, hidden), b=(self.gates * hidden,))
        if variant == "peephole":
            shapes |= dict(p_i=(hidden,), p_f=(hidden,), p_o=(hidden,))
        for name, shape in shapes.items():
            setattr(self, name, nn.Parameter(torch.empty(*shape).uniform_(-bound, bound)))

    def step(self, wx, h, c):
        gates = torch.addmm(wx, h, self.r.t()).chunk(self.gates, 1)
        if self.variant == "coupled":
            i, g, o = torch.sigmoid(gates[0]), torch.tanh(gates[1]), torch.sigmoid(gates[2])
            c = (1 - i) * c + i * g
            return o * torch.tanh(c), c
        if self.variant == "peephole":
            i = torch.sigmoid(gates[0] + self.p_i * c)
            f = torch.sigmoid(gates[1] + self.p_f * c)
            c = f * c + i * torch.tanh(gates[2])
            return torch.sigmoid(gates[3] + self.p_o * c) * torch.tanh(c), c
        if self.variant == "activations":
            i, f, o = (nn.functional.hardsigmoid(gates[k] * 1.2) for k in (0, 1, 3))
            c = f * c + i * torch.relu(gates[2])
            return o * torch.tanh(c), c
        raise ValueError(self.variant)

    def run(self, x, step):
        steps, batch, _ = x.shape
        wx = nn.functional.linear(x, self.w, self.b)
        h = c = x.new_zeros(batch, self.r.shape[1])
        outputs = []
        for t in range(steps):
            h, c = step(wx[t], h, c)
            outputs.append(h)
        return torch.stack(outputs)


def prepare_cells(variant, mode, steps, batch, input, hidden):
    def make(compiled):
        cell = Cell(variant, input, hidden)
        x = torch.randn(steps, batch, input, requires_grad=mode == "train")
        dy = torch.randn(steps, batch, hidden)
        step = torch.compile(cell.step) if compiled else cell.step

        @torch.inference_mode()
        def infer():
            cell.run(x, step)

        def train():
            cell.zero_grad(set_to_none=True)
            x.grad = None
            cell.run(x, step).backward(dy)

        return train if mode == "train" else infer

    candidates = [("loop", lambda: make(False)), ("torch.compile of a step", lambda: make(True))]
    name, run = fastest(candidates)
    return timed(run), {"variant": name}
