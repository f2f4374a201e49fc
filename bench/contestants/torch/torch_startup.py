"""PyTorch's side of bench/startup.mjs: torch_startup.py WEIGHTS [save | LENGTH]; prints one line of JSON."""

import sys
import time

import torch

TICKS = 100  # a second: sysconf(_SC_CLK_TCK) on every Linux


def age():
    """Milliseconds since this process began, to ten."""
    began = int(open("/proc/self/stat").read().split(") ")[1].split()[19])
    return (time.clock_gettime(time.CLOCK_BOOTTIME) - began / TICKS) * 1000


def resident():
    line = next(line for line in open("/proc/self/status") if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


imported = age()


class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = torch.nn.Embedding(65, 512)
        self.lstm = torch.nn.LSTM(512, 512, 2)
        self.output = torch.nn.Linear(512, 65)

    def forward(self, ids, state):
        y, state = self.lstm(self.embedding(ids), state)
        return self.output(y), state


def generate(model, length):
    began = time.perf_counter()
    state, token = None, torch.zeros(2, 1, dtype=torch.long)
    for _ in range(length):
        y, state = model(token, state)
        token = y[-1:].argmax(-1)
        token.item()
    return (time.perf_counter() - began) * 1000


def main(weights, how):
    import json

    model = Model().eval()
    if how == "save":
        return torch.save(model.state_dict(), weights)
    model.load_state_dict(torch.load(weights))
    loaded, memory = age(), resident()
    with torch.inference_mode():
        times = [generate(model, int(how)) for _ in range(3)]
    found = {"import": imported, "load": loaded - imported, "first": times[0], "next": times[2]}
    print(json.dumps({**found, "begun": loaded + times[0], "memory": memory}))


main(*sys.argv[1:])
