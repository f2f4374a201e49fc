"""Beam search with torch_seq2seq.py's network over many sources: vectorised over sources and beams.

What does not change is computed once: the memory's keys, what each token's embedding adds to the
decoder's gates and to the readout, and, in one of two ways, what each position of the memory adds.
The best continuations are found among maxima of blocks of the vocabulary, so that log-probabilities
of all tokens are never written down. A source is over as soon as no live hypothesis can overtake
its best finished one, as in rnnative's search, whose results these are."""

import json

import torch
from torch.nn import functional as F

from serve import fastest, timed
from torch_seq2seq import Seq2Seq, encode_packed, gru_gates, Batch

BLOCK = 64  # of the vocabulary


# ---- the model


NAMES = {
    "encoder.embedding.weight": "source_embedding.weight",
    "bridge.hidden.0.weight": "bridge.weight",
    "bridge.hidden.0.bias": "bridge.bias",
    "decoder.embedding.weight": "target_embedding.weight",
    "decoder.attending.attention.weight_query": "query.weight",
    "decoder.attending.attention.weight_key": "key.weight",
    "decoder.attending.attention.v": "v",
    **{f"decoder.{part}.{kind}": f"{part}.{kind}"
       for part in ("readout", "output") for kind in ("weight", "bias")},
    **{f"encoder.rnn.{kind}_l0{suffix}": f"encoder.{kind}_l0{suffix}"
       for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh") for suffix in ("", "_reverse")},
    **{f"decoder.attending.{kind}_l0": f"decoder.{kind}"
       for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")},
}  # fmt: skip


def read_safetensors(path):
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        data = bytearray(file.read())
    header.pop("__metadata__", None)
    return {
        name: torch.frombuffer(
            data,
            dtype=torch.float32,
            offset=entry["data_offsets"][0],
            count=(entry["data_offsets"][1] - entry["data_offsets"][0]) // 4,
        ).view(entry["shape"])
        for name, entry in header.items()
    }


def load(path):
    """The model of an rnnative model.safetensors; tied weights are there once."""
    state = {NAMES[name]: tensor for name, tensor in read_safetensors(path).items()}
    source = state["source_embedding.weight"]
    target = state.setdefault("target_embedding.weight", source)
    state.setdefault("output.weight", target)
    model = Seq2Seq(
        len(source),
        len(state["output.weight"]),
        embedding=source.shape[1],
        hidden=state["decoder.weight_hh"].shape[1],
        encoder=state["encoder.weight_hh_l0"].shape[1],
        attention=len(state["v"]),
        features=state["output.weight"].shape[1],
    )
    model.load_state_dict(state)
    return model.eval()


class Weights:
    """The decoder's weights as a step wants them."""

    @torch.inference_mode()
    def __init__(self, model):
        cell, embedding = model.decoder, model.target_embedding.weight
        width, hidden = embedding.shape[1], cell.hidden_size
        readout, output = model.readout, model.output
        self.attention = len(model.v)
        self.v = model.v.detach()
        # By token: what its embedding adds to the gates and to the readout.
        self.gates_of = F.linear(embedding, cell.weight_ih[:, :width], cell.bias_ih)
        self.readout_of = F.linear(embedding, readout.weight[:, -width:], readout.bias)
        # From the state: query and gates.
        self.state = torch.cat([model.query.weight, cell.weight_hh]).t().contiguous()
        self.state_bias = torch.cat([cell.bias_hh.new_zeros(self.attention), cell.bias_hh])
        self.context = cell.weight_ih[:, width:].t().contiguous()
        self.read = readout.weight[:, :-width].t().contiguous()
        self.hidden = hidden
        # Both at once: [vocabulary or memory, gates + readout].
        self.token = torch.cat([self.gates_of, self.readout_of], 1)
        self.position = torch.cat([self.context, self.read[hidden:]], 1)
        self.read_state = self.read[:hidden].contiguous()
        # Whole blocks: the tokens past the vocabulary have no probability.
        self.vocabulary = output.out_features
        extra = -self.vocabulary % BLOCK
        self.output = F.pad(output.weight, (0, 0, 0, extra)).t().contiguous()
        self.output_bias = F.pad(output.bias, (0, extra), value=-torch.inf)


# ---- one step


def attend(h, keys, memory, mask, w):
    """h: [sources * beams, H]; mask: [sources, 1, positions]. Averages of the memory; R h + b."""
    sources, positions, size = keys.shape
    query, gh = torch.addmm(w.state_bias, h, w.state).split([w.attention, 3 * w.hidden], 1)
    added = query.view(sources, -1, 1, size) + keys[:, None]
    scores = added.tanh_().view(-1, size).mv(w.v).view(sources, -1, positions)
    return torch.bmm((scores + mask).softmax(2), memory).view(len(h), -1), gh


def decoder_step(tokens, h, keys, memory, mask, w):
    """tokens: [sources * beams]"""
    context, gh = attend(h, keys, memory, mask, w)
    h = gru_gates(torch.addmm(w.gates_of[tokens], context, w.context), gh, h)
    read = torch.addmm(w.readout_of[tokens], torch.cat([h, context], 1), w.read).tanh_()
    return h, torch.addmm(w.output_bias, read, w.output)


def folded_step(tokens, h, keys, memory, mask, w):
    """The same, where `memory` has been multiplied by w.position."""
    context, gh = attend(h, keys, memory, mask, w)
    gates, read = (w.token[tokens] + context).split([3 * w.hidden, w.read.shape[1]], 1)
    h = gru_gates(gates, gh, h)
    read = torch.addmm(read, h, w.read_state).tanh_()
    return h, torch.addmm(w.output_bias, read, w.output)


def best_continuations(logits, scores, beam):
    """The `beam` best of each source: log-probabilities, beams they extend, tokens."""
    sources, beams = scores.shape
    padded = logits.shape[1]
    base = scores - torch.logsumexp(logits, 1).view(sources, beams)
    maxima = logits.view(sources, beams, -1, BLOCK).amax(3) + base[:, :, None]
    blocks = maxima.view(sources, -1).topk(beam, 1).indices
    beam_of = blocks // (padded // BLOCK)
    inside = logits.view(sources, -1, BLOCK).gather(1, blocks[:, :, None].expand(-1, -1, BLOCK))
    inside = inside + base.gather(1, beam_of)[:, :, None]
    found, at = inside.view(sources, -1).topk(beam, 1)
    block = at // BLOCK
    tokens = blocks.gather(1, block) % (padded // BLOCK) * BLOCK + at % BLOCK
    return found, beam_of.gather(1, block), tokens


# ---- the search


def length_divisor(n, exponent):
    return ((5 + n) / 6) ** exponent


def search(model, w, batch, begin, end, beam, length_penalty, fold, step, choose, keep):
    """Token lists of the best hypotheses of the batch's sources."""
    memory, last = encode_packed(model, batch)
    keys = model.key(memory)
    if fold:
        memory = memory @ w.position
    mask = batch.mask[:, None]
    h = torch.tanh(model.bridge(last))
    count = len(h)
    active = torch.arange(count)
    most = 2 * batch.source_lengths + 50
    tokens = torch.full((count,), begin)
    scores = torch.zeros(count, 1)
    best = torch.full((count,), -torch.inf)
    ended = torch.zeros(count, 2, dtype=torch.long)  # of the best: its step, the beam it extends
    history = []  # by step: active sources, beams extended, tokens
    for length in range(int(most.max()) + 1):
        h, logits = step(tokens, h, keys, memory, mask, w)
        forced = most[active] == length
        if forced.any():
            rows = forced.repeat_interleave(scores.shape[1]).nonzero()[:, 0]
            chances = logits[rows].log_softmax(1)[:, end]
            logits[rows] = -torch.inf
            logits[rows, end] = 0
            scores.view(-1)[rows] += chances
        found, beams, tokens = choose(logits, scores, beam)

        over = tokens == end
        finished = torch.where(over, found, -torch.inf)
        value, slot = (finished / length_divisor(length + 1, length_penalty)).max(1)
        better = value > best[active]
        which = active[better]
        best[which] = value[better]
        ended[which, 0] = length
        ended[which, 1] = beams.gather(1, slot[:, None])[:, 0][better]
        scores = torch.where(over, -torch.inf, found)
        history.append((active, beams, tokens))

        live = scores.amax(1)
        reach = torch.maximum(
            live / length_divisor(most[active] + 1, length_penalty),
            live / length_divisor(length + 2, length_penalty),
        )
        open_ = reach > best[active]
        left = int(open_.sum())
        if left == 0:
            break
        if left <= keep * len(active):
            chosen = open_.nonzero()[:, 0]
            active, scores, tokens = active[chosen], scores[chosen], tokens[chosen]
            keys, memory, mask = keys[chosen], memory[chosen], mask[chosen]
            rows = chosen[:, None] * (h.shape[0] // len(open_)) + beams[chosen]
        else:
            rows = torch.arange(len(active))[:, None] * (h.shape[0] // len(active)) + beams
        h = h[rows.view(-1)]
        tokens = tokens.view(-1)
    return trace(history, ended, count)


def trace(history, ended, count):
    results = [[] for _ in range(count)]
    at = [0] * count
    final, beams_left = ended.t().tolist()
    for step in range(len(history) - 1, -1, -1):
        active, beams, tokens = (x.tolist() for x in history[step])
        for row, source in enumerate(active):
            if step == final[source]:
                at[source] = beams_left[source]
            elif step < final[source]:
                slot = at[source]
                results[source].append(tokens[row][slot])
                at[source] = beams[row][slot]
    return [tokens[::-1] for tokens in results]


@torch.inference_mode()
def translate(model, w, sources, settings, size, fold, step, choose, keep=0.75):
    order = sorted(range(len(sources)), key=lambda i: -len(sources[i]))
    found = [None] * len(sources)
    begin, end = settings["begin"], settings["end"]
    for first in range(0, len(order), size):
        which = order[first : first + size]
        batch = Batch([(sources[i], []) for i in which], begin, end)
        results = search(
            *(model, w, batch, begin, end, settings["beam"], settings["lengthPenalty"]),
            *(fold, step, choose, keep),
        )
        for i, tokens in zip(which, results):
            found[i] = tokens
    return found


SIZES = (32, 64, 128, 256)  # sources side by side


def prepare_translation(model, sources, beam, lengthPenalty, out, compiled=False, size=None):
    """A run translates every source of the file. What the first one finds is written to `out`."""
    with open(sources, encoding="utf8") as file:
        settings = json.load(file)
    settings |= {"beam": beam, "lengthPenalty": lengthPenalty}
    network = load(model)
    weights = Weights(network)
    ways = {
        "": (False, decoder_step, best_continuations),
        ", memory folded": (True, folded_step, best_continuations),
    }
    if compiled:
        for suffix, (fold, *steps) in list(ways.items()):
            ways[suffix + ", torch.compile"] = (
                fold,
                *(torch.compile(step, dynamic=True) for step in steps),
            )

    def make(size, way):
        return lambda: translate(network, weights, settings["sources"], settings, size, *way)

    with open(out, "w", encoding="utf8") as file:
        json.dump(make(64, ways[""])(), file)
    name, run = fastest(
        [
            (f"{count} sources{suffix}", lambda count=count, way=way: make(count, way))
            for count in ([size] if size else SIZES)
            for suffix, way in ways.items()
        ],
        trials=1,
    )
    return timed(run), {"variant": name}
