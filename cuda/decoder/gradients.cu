// What follows the decoder's backward loop: products over all steps for the weights and x, sums of
// columns for the biases, and the sums over queries and keys that the attention op has kernels for.
#include "cuda/core/reduction.cuh"
#include "cuda/decoder/backward.cuh"
#include "cuda/recurrent/gradients.cuh"

namespace rnnative::cuda {
namespace {

bool wanted(const RnGrad& grad) {
  return grad.mode != RN_GRAD_SKIP;
}

// dw[m, n] (+)= d[rows, m]^T x[rows, n]; rows of dw lie ldw apart.
struct WeightProduct {
  int64_t rows, m, n;
  const float* d;
  int64_t ldd;
  const float* x;
  int64_t ldx;
  float* dw;
  int64_t ldw;
};
int32_t weight_product(RnContext* ctx, int32_t precision, const WeightProduct& p, bool add) {
  Gemm product;
  product.m = p.m;
  product.n = p.n;
  product.k = p.rows;
  product.trans_a = true;
  product.a = p.d;
  product.lda = p.ldd;
  product.b = p.x;
  product.ldb = p.ldx;
  product.c = p.dw;
  product.ldc = p.ldw;
  product.add = add;
  product.precision = precision;
  return gemm(ctx, product);
}

// dw (+)= d^T of [T, B, m] times the states [B, n] of layer l before each step.
int32_t state_product(RnContext* ctx, const Decoder& f, int64_t l, int64_t m, const float* d,
                      int64_t ldd, float* dw, bool add) {
  const int64_t B = f.layout.B, P = f.layout.P, precision = f.stack().precision;
  int32_t status = RN_OK;
  if (const float* h0 = f.h_before(l, 0)) {
    status =
        weight_product(ctx, static_cast<int32_t>(precision), {B, m, P, d, ldd, h0, P, dw, P}, add);
    add = true;
  }
  if (status == RN_OK && f.steps > 1) {
    status = weight_product(ctx, static_cast<int32_t>(precision),
                            {(f.steps - 1) * B, m, P, d + B * ldd, ldd, f.h_before(l, 1), P, dw, P},
                            add);
    add = true;
  }
  return add || status != RN_OK ? status : copy_or_zero(ctx, dw, nullptr, m * P);
}

// dfed0: rows without a step pass the gradient of what is fed after the last one through.
__global__ void fed_kernel(const float* dfed, const float* dfedn, const int32_t* lengths, int64_t n,
                           int64_t features, bool any, RnGrad to) {
  for (int64_t i = first_index(); i < n; i += index_stride()) {
    const bool fed = lengths ? lengths[i / features] > 0 : any;
    put(to, i, fed ? dfed[i] : dfedn ? dfedn[i] : 0.0f);
  }
}

int32_t fed_gradient(RnContext* ctx, const DecoderBackward& g) {
  const RnDecoderBackward& args = *g.args;
  const DecoderLayout& l = g.layout();
  if (!wanted(args.dfed0) || !l.feeds_output) return RN_OK;
  return launch(ctx, over(l.B * l.F), fed_kernel, g.dfed, static_cast<const float*>(args.dfedn),
                args.forward.lengths, l.B * l.F, l.F, g.forward.steps > 0, args.dfed0);
}

int32_t input_gradients(RnContext* ctx, const DecoderBackward& g) {
  const RnGrad& dx = g.args->dx;
  if (!wanted(dx)) return RN_OK;
  const Decoder& f = g.forward;
  const DecoderLayout& l = f.layout;
  const int64_t rows = f.steps * l.B;
  auto* to = static_cast<float*>(dx.data);
  const bool add = dx.mode == RN_GRAD_ADD;
  int32_t status = RN_OK;
  if (rows > 0)
    status = multiply(ctx, f.stack().precision,
                      {rows, l.E, l.G * l.H, left(g.dinputs(0), l.S * l.H), f.weights.embedded,
                       false, to, l.E, add});
  if (status != RN_OK || add) return status;
  return copy_or_zero(ctx, to + rows * l.E, nullptr, (l.T - f.steps) * l.B * l.E);
}

// Zeros where no step was run.
int32_t clear(RnContext* ctx, const RnGrad& grad, int64_t n) {
  return grad.mode == RN_GRAD_WRITE ? copy_or_zero(ctx, grad.data, nullptr, n) : int32_t{RN_OK};
}

// The first layer's W: x and what is fed are apart.
int32_t first_weight(RnContext* ctx, const DecoderBackward& g, const float* x) {
  const Decoder& f = g.forward;
  const DecoderLayout& l = f.layout;
  const RnGrad& to = g.args->dslots[0].slot[RN_W_IH];
  if (!wanted(to)) return RN_OK;
  const int32_t precision = f.stack().precision;
  const int64_t gates = l.G * l.H, width = l.S * l.H, rows = f.steps * l.B, in = l.E + l.F;
  const float* d = g.dinputs(0);
  auto* dw = static_cast<float*>(to.data);
  const bool add = to.mode == RN_GRAD_ADD;
  const int32_t status =
      weight_product(ctx, precision, {rows, gates, l.E, d, width, x, l.E, dw, in}, add);
  if (status != RN_OK) return status;
  return weight_product(ctx, precision,
                        {rows, gates, l.F, d, width, l.fed(f.reserve), l.F, dw + l.E, in}, add);
}

int32_t weight_gradients(RnContext* ctx, const DecoderBackward& g, const float* x) {
  const DecoderLayout& l = g.layout();
  GradientWork work;
  int32_t status = first_weight(ctx, g, x);
  if (status == RN_OK) status = work.allocate(ctx, l.stack, g.forward.sequence);
  for (int64_t i = 0; status == RN_OK && i < l.L; ++i) {
    RnRecurrentSlotGrads dslots = g.args->dslots[i];
    if (i == 0) dslots.slot[RN_W_IH].mode = RN_GRAD_SKIP;
    LayerGradients of = {};
    of.slots = g.args->forward.slots + i;
    of.dslots = &dslots;
    of.input = i > 0 ? g.forward.input(i) : nullptr;
    of.in = l.P;
    of.dinput = {nullptr, RN_GRAD_SKIP};
    status = layer_gradients(ctx, l.stack, work, g.layer(i), of);
  }
  return status;
}

int32_t projection_gradients(RnContext* ctx, const DecoderBackward& g) {
  const Decoder& f = g.forward;
  const DecoderLayout& l = f.layout;
  const RnDecoderBackward& args = *g.args;
  const int32_t precision = f.stack().precision;
  const int64_t rows = f.steps * l.B;
  int32_t status = RN_OK;
  if (wanted(args.dw_query)) {
    auto* dw = static_cast<float*>(args.dw_query.data);
    const bool add = args.dw_query.mode == RN_GRAD_ADD;
    status = l.feeds_output ? weight_product(ctx, precision,
                                             {rows, l.A, l.P, g.dqueries, l.A,
                                              l.stack.saved_h(f.reserve, l.L - 1), l.P, dw, l.P},
                                             add)
                            : state_product(ctx, f, l.L - 1, l.A, g.dqueries, l.A, dw, add);
  }
  if (status == RN_OK && wanted(args.dw_out))
    status = weight_product(ctx, precision,
                            {rows, l.D, l.joined_width, g.doutputs, l.D, l.joined(f.reserve),
                             l.joined_width, static_cast<float*>(args.dw_out.data), l.joined_width},
                            args.dw_out.mode == RN_GRAD_ADD);
  return status == RN_OK ? sum_columns(ctx, g.doutputs, rows, l.D, l.D, args.db_out) : status;
}

int32_t memory_gradients(RnContext* ctx, const DecoderBackward& g) {
  const Decoder& f = g.forward;
  const DecoderLayout& l = f.layout;
  PairGradients pairs = {};
  pairs.kind = f.memory.score == RN_SCORE_ADDITIVE ? PAIR_ADDITIVE : PAIR_DOT;
  pairs.queries = f.steps;
  pairs.keys = f.memory.length;
  pairs.batch = l.B;
  pairs.features = pairs.query_stride = l.A;
  pairs.query_lengths = f.args->lengths;
  pairs.key_lengths = f.memory.lengths;
  pairs.factors = g.factors;
  pairs.q = l.queries(f.reserve);
  pairs.k = f.memory.keys;
  pairs.v = f.memory.v;
  pairs.dk = g.args->dkeys;
  pairs.dv = g.args->dv;
  const int32_t status = pair_gradients(ctx, pairs);
  if (status != RN_OK) return status;
  pairs.kind = PAIR_SUM;
  pairs.features = l.V;
  pairs.factors = static_cast<const float*>(f.args->weights);
  pairs.q = g.dcontexts();
  pairs.query_stride = g.dcontext_stride();
  pairs.dk = g.args->dvalues;
  pairs.dv = {};
  return pair_gradients(ctx, pairs);
}

int32_t clear_weights(RnContext* ctx, const DecoderBackward& g) {
  const DecoderLayout& l = g.layout();
  const RnDecoderBackward& args = *g.args;
  int32_t status = clear(ctx, args.dw_query, l.A * l.P);
  if (status == RN_OK) status = clear(ctx, args.dw_out, l.D * l.joined_width);
  if (status == RN_OK) status = clear(ctx, args.db_out, l.D);
  for (int64_t i = 0; i < l.L; ++i)
    for (int32_t slot = 0; status == RN_OK && slot < RN_SLOT_COUNT; ++slot) {
      const RnSlotRow& row = *rn_slot(slot);
      const auto extent = [&](int32_t e) {
        return rn_extent(e, l.G, l.H, l.P, i == 0 ? l.E + l.F : l.P);
      };
      status = clear(ctx, args.dslots[i].slot[slot], extent(row.rows) * extent(row.columns));
    }
  return status;
}

}  // namespace

int32_t decoder_gradients(RnContext* ctx, const DecoderBackward& g) {
  int32_t status = fed_gradient(ctx, g);
  if (status == RN_OK) status = input_gradients(ctx, g);
  if (status == RN_OK) status = memory_gradients(ctx, g);
  if (status != RN_OK) return status;
  if (g.forward.steps == 0) return clear_weights(ctx, g);
  const float* x = nullptr;
  if (wanted(g.args->dslots[0].slot[RN_W_IH])) status = without_padding(ctx, g.forward, &x);
  if (status == RN_OK) status = weight_gradients(ctx, g, x);
  return status == RN_OK ? projection_gradients(ctx, g) : status;
}

}  // namespace rnnative::cuda
