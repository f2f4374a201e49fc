"""Makes test/golden/convert: models as PyTorch, Keras and onnx write them, and what they give.

    pip install torch==2.13.0 numpy safetensors onnx onnxruntime onnxscript keras==3.15.1 h5py
    KERAS_BACKEND=torch python test/golden/make_convert.py

Beside each file FILE.safetensors holds inputs (`in.x`) and outputs (`out.y`), time first.
"""

import json
import os
import warnings
from pathlib import Path

os.environ.setdefault('KERAS_BACKEND', 'torch')
import keras
import numpy
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper
from safetensors.numpy import save_file

warnings.filterwarnings('ignore')
HERE = Path(__file__).parent / 'convert'
RANDOM = numpy.random.default_rng(1)


def draw(*shape, scale=1.0):
    return (RANDOM.standard_normal(shape) * scale).astype(numpy.float32)


def ids(below, *shape):
    return RANDOM.integers(0, below, shape).astype(numpy.int32)


def save(name, inputs, outputs):
    tensors = {f'in.{key}': value for key, value in inputs.items()} | {f'out.{key}': value for key, value in outputs.items()}
    save_file({key: numpy.ascontiguousarray(value) for key, value in tensors.items()}, HERE / f'{name}.safetensors')


# ---- PyTorch ---------------------------------------------------------------------------------------------------


def host(x):
    return x.detach().numpy()


class Language(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = torch.nn.Embedding(11, 4)
        self.lstm = torch.nn.LSTM(4, 5, num_layers=2)
        self.decoder = torch.nn.Linear(5, 11)

    def forward(self, x):
        return self.decoder(self.lstm(self.encoder(x))[0])


class Classifier(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = torch.nn.Embedding(11, 4)
        self.rnn = torch.nn.GRU(4, 3, num_layers=2, bidirectional=True)
        self.output = torch.nn.Linear(12, 3)

    def forward(self, x):
        y = self.rnn(self.embedding(x))[0]
        return self.output(torch.cat([y.mean(0), y.max(0).values], -1))


CELLS = {
    'lstm': lambda **more: torch.nn.LSTM(3, 4, **more),
    'lstm_proj': lambda **more: torch.nn.LSTM(3, 4, proj_size=2, **more),
    'gru': lambda **more: torch.nn.GRU(3, 4, **more),
    'rnn': lambda **more: torch.nn.RNN(3, 4, **more),
    'rnn_relu': lambda **more: torch.nn.RNN(3, 4, nonlinearity='relu', **more),
    'no_bias': lambda **more: torch.nn.LSTM(3, 4, bias=False, **more),
}


def make_torch():
    torch.manual_seed(1)
    cells = {name: make(num_layers=2, bidirectional=True) for name, make in CELLS.items()}
    torch.save({name: cell.state_dict() for name, cell in cells.items()}, HERE / 'cells.pt')
    x = draw(5, 2, 3)
    save('cells.pt', {'x': x}, {name: host(cell(torch.tensor(x))[0]) for name, cell in cells.items()})
    for name, model in {'language': Language(), 'classifier': Classifier()}.items():
        torch.save(model.state_dict(), HERE / f'{name}.pt')
        given = ids(11, 5, 2)
        save(f'{name}.pt', {'x': given}, {'y': host(model(torch.tensor(given)))})
    table = torch.arange(6, dtype=torch.float32).reshape(2, 3)
    odd = {
        'turned': table.T,
        'part': table[1:, 1:],
        'double': table.double(),
        'half': torch.tensor([0.5, -2.0, 65504.0, 6e-8], dtype=torch.float16),
        'bf16': torch.tensor([1.0, -3.0, 1e30], dtype=torch.bfloat16),
        'long': torch.tensor([[7, -8]]),
        'int': torch.tensor(-9, dtype=torch.int32),
        'tied': [table, table],
        'parameter': torch.nn.Parameter(table[0]),
        'empty': torch.zeros(0, 3),
    }
    torch.save(odd, HERE / 'odd.pt')
    plain = {'turned': table.T, 'part': table[1:, 1:], 'half': odd['half'].float(), 'bf16': odd['bf16'].float()}
    save('odd.pt', {}, {name: host(value) for name, value in plain.items()})
    # What is refused.
    torch.save(torch.nn.Linear(1, 1), HERE / 'module.pt')
    torch.save({'epoch': 3, 'weight': table}, HERE / 'number.pt')
    torch.save({'mask': table > 1}, HERE / 'bool.pt')
    torch.save({'weight': table}, HERE / 'legacy.pt', _use_new_zipfile_serialization=False)
    torch.jit.script(torch.nn.Linear(1, 1)).save(str(HERE / 'script.pt'))


# ---- Keras -----------------------------------------------------------------------------------------------------


def randomise(model):
    model.set_weights([draw(*weight.shape, scale=0.5) for weight in model.get_weights()])


def make_keras():
    layers = keras.layers
    text = keras.Sequential(
        [
            keras.Input((None,), dtype='int32'),
            layers.Embedding(11, 4, mask_zero=True),
            layers.Bidirectional(layers.LSTM(3, return_sequences=True)),
            layers.Dropout(0.5),
            layers.Bidirectional(layers.GRU(4)),
            layers.LayerNormalization(),
            layers.Dense(3, activation='softmax'),
        ]
    )
    steps = keras.Sequential(
        [
            keras.Input((None, 3)),
            layers.LSTM(4, return_sequences=True, activation='relu', use_bias=False),
            layers.GRU(5, return_sequences=True, reset_after=False),
            layers.SimpleRNN(4, return_sequences=True),
            layers.LSTM(2, return_sequences=True),
            layers.Dense(2, activation='tanh'),
        ]
    )
    inner = keras.Input((None,), dtype='int32')
    chain = layers.Dense(11)(layers.LSTM(5, return_sequences=True)(layers.LSTM(5, return_sequences=True)(layers.Embedding(11, 4)(inner))))
    language = keras.Model(inner, chain)
    given = ids(10, 2, 5) + 1
    given[1, 3:] = 0
    feeds = {'text': given, 'steps': draw(2, 5, 3), 'language': ids(11, 2, 5)}
    for name, model in {'text': text, 'steps': steps, 'language': language}.items():
        randomise(model)
        y = keras.ops.convert_to_numpy(model(feeds[name]))
        swap = lambda x: x.swapaxes(0, 1) if x.ndim == 3 or name != 'text' else x
        save(f'{name}.keras', {'x': feeds[name].swapaxes(0, 1)}, {'y': swap(y)})
        model.save(HERE / f'{name}.keras')
        if name != 'text':
            continue
        model.save_weights(HERE / 'text.weights.h5')
        model.save(HERE / 'text.h5')
    conv = keras.Sequential([keras.Input((None, 2)), layers.Conv1D(2, 3)])
    conv.save(HERE / 'conv.keras')
    averaged = keras.Sequential([keras.Input((None, 2)), layers.Bidirectional(layers.LSTM(1), merge_mode='ave')])
    averaged.save(HERE / 'averaged.keras')


# ---- ONNX ------------------------------------------------------------------------------------------------------

GATES = {'LSTM': 4, 'GRU': 3, 'RNN': 1}


def node_model(kind, directions, given, **attributes):
    """One node whose inputs after R are those given, of the graph or (B, P) of the file."""
    gates, hidden = GATES[kind], 4
    constants = {'W': draw(directions, gates * hidden, 3), 'R': draw(directions, gates * hidden, hidden)}
    slots = ['X', 'W', 'R', 'B', 'sequence_lens', 'initial_h', 'initial_c', 'P'][: 8 if kind == 'LSTM' else 6]
    sizes = {'B': (directions, 2 * gates * hidden), 'P': (directions, 3 * hidden)}
    constants |= {name: draw(*sizes[name]) for name in given if name in sizes}
    names = [slot if slot in ('X', 'W', 'R') or slot in given else '' for slot in slots]
    while names[-1] == '':
        names.pop()
    by_row = attributes.get('layout') == 1
    state = (2, directions, hidden) if by_row else (directions, 2, hidden)
    feeds = {'X': draw(2, 5, 3) if by_row else draw(5, 2, 3)}
    if 'sequence_lens' in given:
        feeds['sequence_lens'] = numpy.array([5, 3], numpy.int32)
    feeds |= {name: draw(*state) for name in ('initial_h', 'initial_c') if name in given}
    outputs = ['Y', 'Y_h', 'Y_c'][: 3 if kind == 'LSTM' else 2]
    node = helper.make_node(kind, names, outputs, name='cell', hidden_size=hidden, **attributes)
    number = lambda x: TensorProto.INT32 if x.dtype == numpy.int32 else TensorProto.FLOAT
    graph = helper.make_graph(
        [node],
        'cell',
        [helper.make_tensor_value_info(name, number(value), value.shape) for name, value in feeds.items()],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
        [onnx.numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 14)])
    model.ir_version = 8
    return model, feeds


def swapped(model, feeds):
    """The same with batches second: onnxruntime has layout 0 alone."""
    plain = onnx.ModelProto()
    plain.CopyFrom(model)
    attributes = [a for a in plain.graph.node[0].attribute if a.name != 'layout']
    del plain.graph.node[0].attribute[:]
    plain.graph.node[0].attribute.extend(attributes)
    turned = {name: value if value.ndim == 1 else value.swapaxes(0, 1) for name, value in feeds.items()}
    for one in plain.graph.input:
        if one.name in turned:
            one.CopyFrom(helper.make_tensor_value_info(one.name, one.type.tensor_type.elem_type, turned[one.name].shape))
    return plain, turned


def run(model, feeds):
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=['CPUExecutionProvider'])
    names = [one.name for one in session.get_outputs()]
    return dict(zip(names, session.run(names, feeds)))


ALL = ('B', 'sequence_lens', 'initial_h', 'initial_c', 'P')
NODES = {
    'lstm': ('LSTM', 1, ALL[:4], {}),
    'lstm_bare': ('LSTM', 1, (), {}),
    'lstm_both': ('LSTM', 2, ALL, dict(direction='bidirectional', clip=0.7)),
    'lstm_reverse': ('LSTM', 1, ALL[:4], dict(direction='reverse')),
    'lstm_coupled': ('LSTM', 2, ALL, dict(direction='bidirectional', input_forget=1)),
    'lstm_functions': ('LSTM', 1, ('B',), dict(activations=['HardSigmoid', 'Relu', 'Tanh'], activation_alpha=[0.2], activation_beta=[0.5])),
    'lstm_layout': ('LSTM', 2, ALL, dict(direction='bidirectional', layout=1)),
    'gru_before': ('GRU', 2, ALL[:3], dict(direction='bidirectional', linear_before_reset=0)),
    'gru_after': ('GRU', 2, ALL[:3], dict(direction='bidirectional', linear_before_reset=1, clip=0.5)),
    'gru_layout': ('GRU', 1, ALL[:3], dict(linear_before_reset=1, layout=1)),
    'gru_reverse': ('GRU', 1, ALL[:3], dict(direction='reverse', linear_before_reset=1)),
    'rnn': ('RNN', 2, ALL[:3], dict(direction='bidirectional', activations=['Relu', 'Relu'])),
    'rnn_reverse': ('RNN', 1, (), dict(direction='reverse', clip=0.4)),
}


def make_onnx():
    for name, (kind, directions, given, attributes) in NODES.items():
        model, feeds = node_model(kind, directions, given, **attributes)
        (HERE / f'{name}.onnx').write_bytes(model.SerializeToString())
        if attributes.get('layout') == 1:
            made = run(*swapped(model, feeds))
            made = {key: value.transpose(2, 0, 1, 3) if key == 'Y' else value.swapaxes(0, 1) for key, value in made.items()}
        else:
            made = run(model, feeds)
        save(f'{name}.onnx', feeds, made)
    # What is refused.
    for name, attributes in {'leaky': dict(activations=['Sigmoid', 'LeakyRelu', 'Tanh']), 'mixed': dict(direction='bidirectional', activations=['Sigmoid', 'Tanh', 'Tanh', 'Sigmoid', 'Relu', 'Tanh'])}.items():
        model, _ = node_model('LSTM', 2 if name == 'mixed' else 1, (), **attributes)
        (HERE / f'{name}.onnx').write_bytes(model.SerializeToString())
    torch.manual_seed(2)
    for name, model in {'language': Language(), 'classifier': Classifier()}.items():
        given = torch.tensor(ids(11, 5, 2).astype(numpy.int64))
        for suffix, dynamo in {'': False, '_dynamo': True}.items():
            path = HERE / f'torch_{name}{suffix}.onnx'
            torch.onnx.export(
                *(model.eval(), (given,), str(path)),
                input_names=['x'],
                output_names=['y'],
                dynamo=dynamo,
                **({'external_data': False} if dynamo else {'dynamic_axes': {'x': {0: 'time', 1: 'batch'}}}),
            )
            made = run(onnx.load(path), {'x': given.numpy()})
            save(path.name, {'x': given.numpy().astype(numpy.int32)}, made)


if __name__ == '__main__':
    HERE.mkdir(exist_ok=True)
    make_torch()
    make_keras()
    make_onnx()
    for path in sorted(HERE.iterdir()):
        print(path.name, path.stat().st_size)
