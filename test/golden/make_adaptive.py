"""Makes adaptive.safetensors: what PyTorch's AdaptiveLogSoftmaxWithLoss computes, in double.

    /tmp/venv/bin/pip install torch==2.13.0 numpy safetensors
    /tmp/venv/bin/python test/golden/make_adaptive.py
"""

import torch

from make import Golden, backward, leaf

CASES = {
    'one-tail': dict(rows=7, features=6, classes=11, cutoffs=[4], div=4.0, head_bias=False),
    'head-bias': dict(rows=9, features=16, classes=30, cutoffs=[5, 12, 20], div=2.0, head_bias=True),
    'whole-tails': dict(rows=5, features=5, classes=9, cutoffs=[1, 8], div=1.0, head_bias=True),
    'thin': dict(rows=6, features=17, classes=25, cutoffs=[10, 24], div=4.0, head_bias=False),
}


def main():
    golden = Golden('adaptive')
    for name, case in CASES.items():
        rows, features, classes = case['rows'], case['features'], case['classes']
        module = torch.nn.AdaptiveLogSoftmaxWithLoss(
            features, classes, case['cutoffs'], case['div'], case['head_bias']
        )
        x = leaf(rows, features)
        targets = torch.randint(classes, (rows,))
        upstream = backward({'losses': -module(x, targets).output})
        golden.add(
            name,
            dict(cutoffs=case['cutoffs'], divisor=case['div'], headBias=case['head_bias']),
            dict(x=x, targets=targets, grad_x=x.grad, **upstream)
            | dict(losses=-module(x, targets).output, logs=module.log_prob(x))
            | {key: value for key, value in module.named_parameters()}
            | {f'grad_{key}': value.grad for key, value in module.named_parameters()},
        )
    golden.save()


if __name__ == '__main__':
    main()
