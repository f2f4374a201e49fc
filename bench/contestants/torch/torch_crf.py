"""A conditional random field, all rows and tags at once in a loop over steps: `how` logsumexp, as torchcrf does it, or
matmul: products with exponentials of the transitions, which is faster but loses what is far below the best."""

import torch
from torch import nn

from serve import fastest, timed


class Field(nn.Module):
    def __init__(self, tags, how):
        super().__init__()
        self.how = how
        self.transitions = nn.Parameter(torch.randn(tags, tags))
        self.start, self.end = nn.Parameter(torch.randn(tags)), nn.Parameter(torch.randn(tags))

    def forward(self, emissions, tags, mask, last):
        score = self.start[tags[0]] + emissions.gather(2, tags.unsqueeze(2)).squeeze(2).mul(mask).sum(0)
        score = score + self.transitions[tags[:-1], tags[1:]].mul(mask[1:]).sum(0)
        score = score + self.end[tags.gather(0, last.unsqueeze(0)).squeeze(0)]
        alpha = self.start + emissions[0]
        weights = self.transitions.exp() if self.how == "matmul" else self.transitions.unsqueeze(0)
        on = mask.bool().unsqueeze(2)
        for t in range(1, len(emissions)):
            if self.how == "matmul":
                most = alpha.amax(1, keepdim=True).detach()
                sums = torch.log((alpha - most).exp() @ weights) + most
            else:
                sums = torch.logsumexp(alpha.unsqueeze(2) + weights, 1)
            alpha = torch.where(on[t], sums + emissions[t], alpha)
        return score - torch.logsumexp(alpha + self.end, 1)


def prepare_crf(how, steps, batch, tags):
    emissions = torch.randn(steps, batch, tags, requires_grad=True)
    lengths = torch.tensor([steps - b % 4 for b in range(batch)])
    mask = (torch.arange(steps).unsqueeze(1) < lengths).float()
    wanted = (torch.arange(steps * batch) * 7 % tags).view(steps, batch)
    field = Field(tags, how)

    def run():
        field.zero_grad(set_to_none=True)
        emissions.grad = None
        field(emissions, wanted, mask, lengths - 1).sum().backward()

    name, run = fastest([("loop", lambda: run)])
    return timed(run), {"variant": f"{how}, {name}"}
