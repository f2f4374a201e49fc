"""What TensorBoard's own reader finds in a directory of event files, as JSON.

    python test/watch/read_tensorboard.py DIRECTORY
"""

import json
import sys

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

accumulator = EventAccumulator(sys.argv[1], size_guidance={"scalars": 0, "tensors": 0})
accumulator.Reload()
tags = accumulator.Tags()
scalars = {tag: [[e.step, e.value] for e in accumulator.Scalars(tag)] for tag in tags["scalars"]}
texts = {}
for tag in tags["tensors"]:
    plugin = accumulator.SummaryMetadata(tag).plugin_data.plugin_name
    if plugin == "text":
        events = accumulator.Tensors(tag)
        texts[tag] = [[e.step, e.tensor_proto.string_val[0].decode()] for e in events]
print(json.dumps({"scalars": scalars, "texts": texts}))
