"""DistributedDataParallel over gloo, two processes of one thread: the language models of bench/ranks.mjs.

usage: torch_ddp.py char|ptb STEPS   prints tokens a second of both together
"""

import os
import sys
import time

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch.nn.parallel import DistributedDataParallel

from language_model import LanguageModel, train_step

ROWS = {
    "char": dict(vocabulary=87, hidden=128, batch=50, steps=50),
    "ptb": dict(vocabulary=10_000, hidden=650, batch=20, steps=35),
}
WARM = 5
RANKS = 2


def work(rank, name, count):
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT="29517")
    dist.init_process_group("gloo", rank=rank, world_size=RANKS)
    torch.set_num_threads(1)
    torch.manual_seed(1)
    row = ROWS[name]
    batch, steps = row["batch"] // RANKS, row["steps"]
    model = LanguageModel(row["vocabulary"], row["hidden"], 2)
    parallel = DistributedDataParallel(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, fused=True)
    state = None
    for step in range(WARM + count):
        if step == WARM:
            dist.barrier()
            began = time.perf_counter()
        x = torch.randint(row["vocabulary"], (steps + 1, batch))
        state = train_step(parallel, optimizer, x[:-1], x[1:], state, 1.0)
    dist.barrier()
    if rank == 0:
        print(count * batch * RANKS * steps / (time.perf_counter() - began), flush=True)
    dist.destroy_process_group()


if __name__ == "__main__":
    mp.spawn(work, args=(sys.argv[1], int(sys.argv[2])), nprocs=RANKS)
