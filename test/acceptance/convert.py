"""Holds what convert.mjs wrote against PyTorch, Keras and onnxruntime, at 1e-5.

    pip install torch==2.13.0 numpy safetensors onnxruntime keras==3.15.1 h5py
    node test/acceptance/convert.mjs /tmp/convert-cases
    KERAS_BACKEND=torch python test/acceptance/convert.py /tmp/convert-cases
"""

import json
import os
import sys
from pathlib import Path

os.environ.setdefault('KERAS_BACKEND', 'torch')
import numpy
import onnxruntime
import torch
from safetensors.numpy import load_file

TOLERANCE = 1e-5


def run_onnx(directory, case, feeds):
    session = onnxruntime.InferenceSession(directory / case['file'], providers=['CPUExecutionProvider'])
    wanted = {one.name for one in session.get_inputs()}
    unknown = wanted - set(feeds)
    assert not unknown, f"{case['name']}: not given: {unknown}"
    names = [one.name for one in session.get_outputs()]
    return dict(zip(names, session.run(names, {name: feeds[name] for name in wanted})))


def run_layer(directory, case, feeds):
    layer = getattr(torch.nn, case['kind'])(3, 4, num_layers=2, bidirectional=True, **case['options'])
    layer.load_state_dict(torch.load(directory / case['file'], weights_only=True))
    return {'output': layer(torch.tensor(feeds['x']))[0].detach().numpy()}


class Language(torch.nn.Module):
    def __init__(self, case):
        super().__init__()
        self.embedding = torch.nn.Embedding(case['vocabulary'], case['embedding'])
        self.rnn = getattr(torch.nn, case['kind'])(case['embedding'], case['hidden'], num_layers=case['layers'])
        self.output = torch.nn.Linear(case['hidden'], case['vocabulary'])
        if case['tied']:
            self.output.weight = self.embedding.weight

    def forward(self, ids):
        return self.output(self.rnn(self.embedding(ids))[0])


def run_language(directory, case, feeds):
    model = Language(case)
    model.load_state_dict(torch.load(directory / case['file'], weights_only=True))
    return {'logits': model(torch.tensor(feeds['ids'])).detach().numpy()}


def run_keras(directory, case, feeds):
    import keras

    model = keras.models.load_model(case['original'] if 'original' in case else directory / case['file'])
    if 'original' in case:
        model.set_weights([0 * weight for weight in model.get_weights()])
        model.load_weights(directory / case['file'])
    y = keras.ops.convert_to_numpy(model(feeds['ids'].swapaxes(0, 1)))
    return {'logits': y.transpose(1, 0, 2) if y.ndim == 3 else y}


def flat(value, name=''):
    if isinstance(value, dict):
        return {key: one for own, inner in value.items() for key, one in flat(inner, f'{name}.{own}').items()}
    return {name: value}


def run_same(directory, case, feeds):
    ours = {f'.{name}': value for name, value in torch.load(directory / case['file'], weights_only=True).items()}
    theirs = flat(torch.load(case['original'], weights_only=True))
    assert ours.keys() == theirs.keys(), ours.keys() ^ theirs.keys()
    for name, value in theirs.items():
        assert torch.equal(value, ours[name]), name
    return {}


RUN = {'onnx': run_onnx, 'torch-layer': run_layer, 'torch-lm': run_language, 'keras': run_keras, 'keras-weights': run_keras, 'torch-same': run_same}


def main(directory):
    worst, failed = 0, 0
    for case in json.loads((directory / 'cases.json').read_text()):
        tensors = load_file(directory / f"{case['name']}.safetensors")
        feeds = {name[3:]: value for name, value in tensors.items() if name.startswith('in.')}
        wanted = {name[4:]: value for name, value in tensors.items() if name.startswith('out.')}
        try:
            made = RUN[case['format']](directory, case, feeds)
            for name, value in wanted.items():
                got = numpy.asarray(made[name])
                if got.size != value.size:
                    raise ValueError(f'{name}: expected {value.shape}, got {got.shape}')
                got, value = got.reshape(value.shape).copy(), value.copy()
                for row, length in enumerate(case.get('lengths', [])):
                    if name in ('emissions', 'memory', 'keys'):  # what lies past a row's end is of no account
                        got[length:, row] = value[length:, row] = 0
                difference = float(abs(got - value).max()) / max(1, float(abs(value).max()))
                worst = max(worst, difference)
                if not difference < TOLERANCE:
                    raise ValueError(f'{name}: differs by {difference}')
        except Exception as error:
            failed += 1
            print(f"FAILED {case['name']}: {type(error).__name__}: {str(error)[:600]}")
        else:
            print(f"ok {case['name']}: {', '.join(wanted)}")
    print(f'worst difference {worst:.2e}, {failed} failed')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main(Path(sys.argv[1])))
