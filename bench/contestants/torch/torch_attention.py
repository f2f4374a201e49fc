"""Attention over projected queries and keys in PyTorch: the fastest of several expressions of it."""

import torch

from serve import fastest, timed


def additive(q, k, values, v):
    scores = torch.tanh(q[:, :, None] + k[:, None]) @ v
    return torch.bmm(scores.softmax(-1), values)


def additive_in_place(q, k, values, v):
    """tanh over its argument: one array of queries x keys x features less."""
    scores = (q[:, :, None] + k[:, None]).tanh_() @ v
    return torch.bmm(scores.softmax(-1), values)


def additive_by_query(q, k, values, v):
    """A query at a time, whose tanh stays in cache."""
    scores = torch.stack([torch.tanh(q[:, i, None] + k) @ v for i in range(q.shape[1])], 1)
    return torch.bmm(scores.softmax(-1), values)


def dot(q, k, values, v):
    return torch.bmm(torch.bmm(q, k.transpose(1, 2)).softmax(-1), values)


def scaled_dot(q, k, values, v):
    return torch.nn.functional.scaled_dot_product_attention(q, k, values)


FORMS = {
    "additive": {
        "tanh(q + k) @ v": additive,
        "tanh_ in place": additive_in_place,
        "a query at a time": additive_by_query,
    },
    "dot": {"bmm": dot},
    "scaled_dot": {"scaled_dot_product_attention": scaled_dot},
}


def prepare_attention(
    score, batch, queries, keys, features, width, compiled=False, form=None, cold=False
):
    """`compiled` tries torch.compile as well; `form` names one expression. `cold`: nothing may run
    yet, so that memory can be measured from the first step: the first form, unless named."""

    def leaf(*shape):
        return torch.randn(*shape, requires_grad=True)

    q, k = leaf(batch, queries, features), leaf(batch, keys, features)
    values, gradient = leaf(batch, keys, width), torch.randn(batch, queries, width)
    v = leaf(features)

    def make(attend):
        def run():
            for x in (q, k, values, v):
                x.grad = None
            attend(q, k, values, v).backward(gradient)

        return run

    forms = FORMS[score]
    if form is not None or cold:
        name = form or next(iter(forms))
        return timed(make(forms[name])), {"variant": name}
    candidates = [(name, lambda attend=attend: make(attend)) for name, attend in forms.items()]
    if compiled:
        candidates += [
            (f"torch.compile: {name}", lambda attend=attend: make(torch.compile(attend)))
            for name, attend in forms.items()
        ]
    name, run = fastest(candidates)
    return timed(run), {"variant": name}
