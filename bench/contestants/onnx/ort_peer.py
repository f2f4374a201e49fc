"""The contestant onnxruntime from Python; also writes the models that onnxruntime-node loads."""

import os
import tempfile

import numpy as np
import onnxruntime
from onnxruntime.quantization import QuantType, quantize_dynamic

from onnx_models import generation_model, layers_model
from serve import serve, timed

LAYERS = ("cell", "layers", "steps", "batch", "input", "hidden")
GENERATION = ("vocabulary", "layers", "hidden")


def make_model(task):
    if task["kind"] == "generation":
        return generation_model(**{name: task[name] for name in GENERATION})
    return layers_model(**{name: task[name] for name in LAYERS})


def quantised(model):
    with tempfile.TemporaryDirectory() as folder:
        before, after = (os.path.join(folder, name) for name in ("f32.onnx", "int8.onnx"))
        with open(before, "wb") as file:
            file.write(model)
        quantize_dynamic(before, after, weight_type=QuantType.QInt8)
        with open(after, "rb") as file:
            return file.read()


def prepare(task):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = int(os.environ["OMP_NUM_THREADS"])
    options.inter_op_num_threads = 1
    providers = ["CPUExecutionProvider"]
    model = make_model(task)
    if task.get("precision") == "int8":
        model = quantised(model)
    session = onnxruntime.InferenceSession(model, options, providers=providers)
    steps, batch, input, hidden = (task[name] for name in LAYERS[2:])
    x = np.random.default_rng(2).standard_normal((steps, batch, input), dtype=np.float32)
    y = np.empty((steps, batch, hidden), np.float32)
    # Bound once, so that a run neither copies nor allocates.
    binding = session.io_binding()
    binding.bind_ortvalue_input("x", onnxruntime.OrtValue.ortvalue_from_numpy(x))
    binding.bind_ortvalue_output("y", onnxruntime.OrtValue.ortvalue_from_numpy(y))
    return timed(lambda: session.run_with_iobinding(binding)), {}


def export(task, path):
    with open(path, "wb") as file:
        file.write(make_model(task))


if __name__ == "__main__":
    serve(prepare, export=export, versions=lambda: {"onnxruntime": onnxruntime.__version__})
