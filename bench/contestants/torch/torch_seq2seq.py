"""Whole training steps of a GRU encoder-decoder with additive attention in PyTorch, in the fastest of
several ways to write it. The model is that of bench/seq2seq.mjs."""

import json

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from serve import fastest, timed


class Seq2Seq(nn.Module):
    """`encoder`: units of a direction; `features`: what the output projection takes."""

    def __init__(
        self, source, target, embedding=256, hidden=256, encoder=256, attention=256, features=256
    ):
        super().__init__()
        memory = 2 * encoder
        self.source_embedding = nn.Embedding(source, embedding)
        self.target_embedding = nn.Embedding(target, embedding)
        self.encoder = nn.GRU(embedding, encoder, bidirectional=True)
        self.bridge = nn.Linear(memory, hidden)
        self.key = nn.Linear(memory, attention, bias=False)
        self.query = nn.Linear(hidden, attention, bias=False)
        self.v = nn.Parameter(torch.empty(attention).uniform_(-(attention**-0.5), attention**-0.5))
        self.decoder = nn.GRUCell(embedding + memory, hidden)
        self.readout = nn.Linear(hidden + memory + embedding, features)
        self.output = nn.Linear(features, target)


# ---- the encoder: (memory [B, S, 2H], last states [B, 2H])


def encode_packed(model, batch):
    packed = pack_padded_sequence(
        model.source_embedding(batch.source), batch.source_lengths, enforce_sorted=False
    )
    output, last = model.encoder(packed)
    memory, _ = pad_packed_sequence(output)
    return memory.transpose(0, 1).contiguous(), torch.cat(tuple(last), 1)


def direction(model, x, suffix):
    weights = [
        getattr(model.encoder, f"{name}_l0{suffix}")
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    ]
    zeros = x.new_zeros(1, x.shape[1], model.encoder.hidden_size)
    return torch.gru(x, zeros, weights, True, 1, 0.0, model.training, False, False)[0]


def encode_padded(model, batch):
    """No packing: the backward direction reads sources reversed within their lengths, so that padding
    comes last for both, where nothing reads what it makes."""
    x = model.source_embedding(batch.source)
    forward = direction(model, x, "")
    back = direction(model, model.source_embedding(batch.reversed), "_reverse")
    rows = batch.rows
    last = batch.source_lengths_tensor - 1
    memory = torch.cat([forward, back[batch.reversal, rows[None]]], 2).transpose(0, 1)
    return memory.contiguous(), torch.cat([forward[last, rows], back[last, rows]], 1)


def gru_gates(gi, gh, h):
    ir, iz, i_n = gi.chunk(3, -1)
    hr, hz, h_n = gh.chunk(3, -1)
    r, z = torch.sigmoid(ir + hr), torch.sigmoid(iz + hz)
    n = torch.tanh(i_n + r * h_n)
    return n + z * (h - n)


def encoder_step(gi, h, weight, bias):
    return gru_gates(gi, torch.baddbmm(bias, h, weight), h)


def encode_stepped(step):
    """Both directions side by side, a step at a time."""

    def encode(model, batch):
        e = model.encoder
        gi = torch.stack(
            [
                F.linear(model.source_embedding(batch.source), e.weight_ih_l0, e.bias_ih_l0),
                F.linear(
                    model.source_embedding(batch.reversed),
                    e.weight_ih_l0_reverse,
                    e.bias_ih_l0_reverse,
                ),
            ],
            1,
        )
        weight = torch.stack([e.weight_hh_l0.t(), e.weight_hh_l0_reverse.t()])
        bias = torch.stack([e.bias_hh_l0, e.bias_hh_l0_reverse])[:, None]
        h = gi.new_zeros(2, gi.shape[2], e.hidden_size)
        states = []
        for g in gi.unbind(0):
            h = step(g, h, weight, bias)
            states.append(h)
        forward, back = torch.stack(states).unbind(1)
        rows = batch.rows
        last = batch.source_lengths_tensor - 1
        memory = torch.cat([forward, back[batch.reversal, rows[None]]], 2).transpose(0, 1)
        return memory.contiguous(), torch.cat([forward[last, rows], back[last, rows]], 1)

    return encode


# ---- the decoder


def decoder_step(gi, h, keys, memory, mask, weight, bias, weight_context, v):
    """`weight` takes the state to the query and the gates at once; `mask` is 0 or -inf."""
    query, gh = torch.addmm(bias, h, weight).split([keys.shape[2], gi.shape[1]], 1)
    scores = torch.tanh(query[:, None] + keys) @ v + mask
    context = torch.bmm(scores.softmax(1)[:, None], memory)[:, 0]
    return gru_gates(torch.addmm(gi, context, weight_context), gh, h), context


def decode(step):
    def run(model, batch, memory, last):
        keys = model.key(memory)
        h = torch.tanh(model.bridge(last))
        cell, width = model.decoder, model.target_embedding.embedding_dim
        x = model.target_embedding(batch.target)
        gi = F.linear(x, cell.weight_ih[:, :width], cell.bias_ih)
        weight_context = cell.weight_ih[:, width:].t().contiguous()
        weight = torch.cat([model.query.weight, cell.weight_hh]).t().contiguous()
        bias = torch.cat([cell.bias_hh.new_zeros(keys.shape[2]), cell.bias_hh])
        states, contexts = [], []
        for g in gi.unbind(0):
            h, context = step(
                g, h, keys, memory, batch.mask, weight, bias, weight_context, model.v
            )
            states.append(h)
            contexts.append(context)
        return torch.stack(states), torch.stack(contexts), x

    return run


# ---- the loss over real tokens


def whole_loss(real, targets, output):
    return F.cross_entropy(output(real), targets)


CHUNKS = nn.LinearCrossEntropyOptions(batch_chunk_size=1024)


def chunked_loss(real, targets, output):
    """Some rows' logits at a time, turned into gradients while they are in cache."""
    return F.linear_cross_entropy(
        real, output.weight, targets, linear_bias=output.bias, options=CHUNKS
    )


def make_loss(encode, decode, token_loss):
    def loss(model, batch):
        memory, last = encode(model, batch)
        parts = decode(model, batch, memory, last)
        real = torch.cat([part.flatten(0, 1)[batch.real] for part in parts], 1)
        return token_loss(torch.tanh(model.readout(real)), batch.outputs, model.output)

    return loss


def compiled(function):
    return torch.compile(function, dynamic=True)


PLAIN = "as one would write it"
FORMS = {
    PLAIN: lambda: make_loss(encode_packed, decode(decoder_step), whole_loss),
    "packed": lambda: make_loss(encode_packed, decode(decoder_step), chunked_loss),
    "padded": lambda: make_loss(encode_padded, decode(decoder_step), chunked_loss),
    "step by step": lambda: make_loss(
        encode_stepped(encoder_step), decode(decoder_step), chunked_loss
    ),
    "packed, torch.compile": lambda: make_loss(
        encode_packed, decode(compiled(decoder_step)), chunked_loss
    ),
    "padded, torch.compile": lambda: make_loss(
        encode_padded, decode(compiled(decoder_step)), chunked_loss
    ),
    "step by step, torch.compile": lambda: make_loss(
        encode_stepped(compiled(encoder_step)), decode(compiled(decoder_step)), chunked_loss
    ),
}


# ---- batches and steps


class Batch:
    """Sequences side by side, time-major; everything that does not depend on weights, made beforehand."""

    def __init__(self, pairs, begin, end):
        def lay_out(sequences):
            tensors = [torch.tensor(ids) for ids in sequences]
            return nn.utils.rnn.pad_sequence(tensors)

        sources = [source for source, _ in pairs]
        self.rows = torch.arange(len(pairs))
        self.source = lay_out(sources)
        self.reversed = lay_out([source[::-1] for source in sources])
        self.source_lengths = torch.tensor([len(source) for source in sources])
        self.source_lengths_tensor = self.source_lengths
        steps = torch.arange(self.source.shape[0])[:, None]
        self.reversal = (self.source_lengths - 1 - steps).clamp(min=0)
        self.mask = torch.where(steps < self.source_lengths, 0.0, -torch.inf).t().contiguous()
        self.target = lay_out([[begin, *target] for _, target in pairs])
        outputs = nn.utils.rnn.pad_sequence(
            [torch.tensor([*target, end]) for _, target in pairs], padding_value=-100
        ).flatten()
        self.real = (outputs != -100).nonzero()[:, 0]
        self.outputs = outputs[self.real]


def make_run(form, model, batches, clip_norm):
    loss = FORMS[form]()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)

    def run():
        for batch in batches:
            optimizer.zero_grad(set_to_none=True)
            loss(model, batch).backward()
            nn.utils.clip_grad_norm_(model.parameters(), clip_norm)
            optimizer.step()

    return run


def prepare_seq2seq(batches, clipNorm, compiled=False, form=None, **_):
    """A run is a step for each batch of the file. `form` names one way to write it; `compiled` tries
    torch.compile as well."""
    with open(batches, encoding="utf8") as file:
        data = json.load(file)
    size = data["vocabulary"]
    ready = [Batch(batch["pairs"], data["begin"], data["end"]) for batch in data["batches"]]

    def make(name):
        return make_run(name, Seq2Seq(size, size).train(), ready, clipNorm)

    if form is not None:
        return timed(make(form)), {"variant": form}
    names = [name for name in FORMS if name != PLAIN and (compiled or "compile" not in name)]
    name, run = fastest([(name, lambda name=name: make(name)) for name in names])
    return timed(run), {"variant": name}
