"""ONNX models with random weights: stacks as chained LSTM or GRU nodes."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper

GATES = {"lstm": 4, "gru": 3}
OPSET = 17


class Graph:
    def __init__(self):
        self.nodes, self.constants = [], []
        self.random = np.random.default_rng(1)

    def constant(self, name, values):
        self.constants.append(numpy_helper.from_array(values, name))
        return name

    def uniform(self, name, shape, hidden):
        bound = hidden**-0.5
        return self.constant(name, self.random.uniform(-bound, bound, shape).astype(np.float32))

    def add(self, op, inputs, outputs, **attributes):
        self.nodes.append(helper.make_node(op, inputs, outputs, **attributes))
        return outputs[0]

    def layer(self, i, cell, x, input, hidden, states=(), final=()):
        """x: [T, B, input] to [T, B, hidden]; `states` and `final` name h (and c), [1, B, hidden]."""
        rows = GATES[cell] * hidden
        weights = [
            self.uniform(f"W{i}", (1, rows, input), hidden),
            self.uniform(f"R{i}", (1, rows, hidden), hidden),
            self.uniform(f"B{i}", (1, 2 * rows), hidden),
        ]
        attributes = {"linear_before_reset": 1} if cell == "gru" else {}
        inputs = [x, *weights, *(["", *states] if states else [])]
        self.add(cell.upper(), inputs, [f"Y{i}", *final], hidden_size=hidden, **attributes)
        return self.add("Squeeze", [f"Y{i}", "axis1"], [f"y{i}"])  # of the direction

    def model(self, inputs, outputs):
        """`inputs` and `outputs`: (name, type, shape)."""
        describe = lambda values: [helper.make_tensor_value_info(*value) for value in values]
        graph = helper.make_graph(
            self.nodes, "bench", describe(inputs), describe(outputs), self.constants
        )
        imports = [helper.make_opsetid("", OPSET)]
        model = helper.make_model(graph, opset_imports=imports, ir_version=8)
        return model.SerializeToString()


def layers_model(cell, layers, steps, batch, input, hidden):
    """x: f32 [T, B, I] to y: f32 [T, B, H]."""
    graph = Graph()
    graph.constant("axis1", np.array([1]))
    last = "x"
    for i in range(layers):
        last = graph.layer(i, cell, last, input if i == 0 else hidden, hidden)
    graph.add("Identity", [last], ["y"])
    return graph.model(
        [("x", TensorProto.FLOAT, [steps, batch, input])],
        [("y", TensorProto.FLOAT, [steps, batch, hidden])],
    )


def generation_model(vocabulary, layers, hidden):
    """id: i64 [1, 1], h0, c0, h1, ...: f32 [1, 1, H] to p: f32 [1, 1, V], next_h0, next_c0, ..."""
    graph = Graph()
    graph.constant("axis1", np.array([1]))
    table = graph.uniform("embedding", (vocabulary, hidden), 1)
    last = graph.add("Gather", [table, "id"], ["embedded"])
    inputs, outputs = [("id", TensorProto.INT64, [1, 1])], []
    for i in range(layers):
        states = [f"h{i}", f"c{i}"]
        final = [f"next_{name}" for name in states]
        last = graph.layer(i, "lstm", last, hidden, hidden, states, final)
        inputs += [(name, TensorProto.FLOAT, [1, 1, hidden]) for name in states]
        outputs += [(name, TensorProto.FLOAT, [1, 1, hidden]) for name in final]
    weight = graph.uniform("V", (hidden, vocabulary), hidden)
    product = graph.add("MatMul", [last, weight], ["product"])
    logits = graph.add("Add", [product, graph.uniform("b", (vocabulary,), hidden)], ["logits"])
    graph.add("Softmax", [logits], ["p"], axis=-1)
    return graph.model(inputs, [("p", TensorProto.FLOAT, [1, 1, vocabulary]), *outputs])
