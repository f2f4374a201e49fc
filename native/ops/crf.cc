#include "native/ops/crf.h"

#include <cstdint>
#include <string>

#include "native/abi/backend.h"
#include "native/ops/check.h"
#include "native/ops/reserve.h"
#include "native/ops/strided.h"

namespace rnnative {

namespace {

struct CrfSizes {
  int64_t time, batch, tags;
  bool empty() const { return time == 0 || batch == 0; }
};

CrfSizes check_crf(const Checker& check, const CrfArgs& args) {
  check.steps("emissions", args.emissions, "[time, batch, tags]");
  const Shape& shape = args.emissions.shape;
  const CrfSizes s = {shape[0], shape[1], shape[2]};
  if (s.tags > kMostTags)
    check.fail("ERR_SHAPE", "emissions: expected at most " + std::to_string(kMostTags) +
                                " tags, got " + std::to_string(s.tags));
  // Backends number steps and rows by int32.
  if (s.time > INT32_MAX || s.batch > INT32_MAX)
    check.fail("ERR_SHAPE", "emissions: too many elements");
  check.real("transitions", args.transitions, Shape{s.tags, s.tags});
  check.real("start", args.start, Shape{s.tags});
  check.real("end", args.end, Shape{s.tags});
  check.ints("tags", args.targets, Shape{s.time, s.batch});
  if (args.lengths) check.ints("lengths", args.lengths, Shape{s.batch});
  return s;
}

Reserve reserve_of(const Queue& queue, const CrfSizes& s) {
  const size_t bytes = s.empty() ? 0 : queue.backend().crf_reserve(s.time, s.batch, s.tags);
  return Reserve(bytes, {s.time, s.batch, s.tags});
}

RnCrf fill_args(OpRun& run, const CrfArgs& args, const CrfSizes& s) {
  RnCrf call = {};
  call.time = s.time;
  call.batch = s.batch;
  call.tags = s.tags;
  call.lengths = static_cast<const int32_t*>(run.data(args.lengths));
  call.targets = static_cast<const int32_t*>(run.data(args.targets));
  call.emissions = run.data(args.emissions);
  call.transitions = run.data(args.transitions);
  call.start = run.data(args.start);
  call.end = run.data(args.end);
  return call;
}

Op reading(const char* name, const CrfArgs& args) {
  Op op(name, args.emissions.device);
  op.reads(args.emissions).reads(args.transitions).reads(args.start).reads(args.end);
  op.reads(args.targets).reads(args.lengths);
  return op;
}

}  // namespace

CrfResult crf(Queue& queue, const CrfArgs& args, bool training) {
  const Checker check("crf", args.emissions.device);
  const CrfSizes s = check_crf(check, args);
  CrfResult result;
  result.likelihoods = check.make(Shape{s.batch});
  const Reserve reserve = training ? reserve_of(queue, s) : Reserve();
  if (training) result.reserve = reserve.make(check);
  queue.submit(reading("crf", args).writes(result.likelihoods).writes(result.reserve),
               [=](OpRun& run) -> int32_t {
                 if (s.empty()) return zero(run, Sink{result.likelihoods, false});
                 RnCrf call = fill_args(run, args, s);
                 call.likelihoods = run.data(result.likelihoods);
                 call.reserve = reserve.open_for_write(run, result.reserve);
                 return run.backend().crf(run.context(), &call);
               });
  return result;
}

void crf_backward(Queue& queue, const CrfArgs& args, const Tensor& reserve,
                  const Tensor& dlikelihoods, const Sink& demissions, const Sink& dtransitions,
                  const Sink& dstart, const Sink& dend) {
  const Checker check("crf_backward", args.emissions.device);
  const CrfSizes s = check_crf(check, args);
  const Reserve layout = reserve_of(queue, s);
  layout.check(check, reserve);
  check.real("dlikelihoods", dlikelihoods, Shape{s.batch});
  check.sink("demissions", demissions, args.emissions.shape);
  check.sink("dtransitions", dtransitions, args.transitions.shape);
  check.sink("dstart", dstart, args.start.shape);
  check.sink("dend", dend, args.end.shape);
  if (!demissions.tensor && !dtransitions.tensor && !dstart.tensor && !dend.tensor) return;
  queue.submit(reading("crf_backward", args)
                   .reads(reserve)
                   .reads(dlikelihoods)
                   .sink(demissions.tensor, demissions.add)
                   .sink(dtransitions.tensor, dtransitions.add)
                   .sink(dstart.tensor, dstart.add)
                   .sink(dend.tensor, dend.add),
               [=](OpRun& run) -> int32_t {
                 if (s.empty()) {
                   int32_t status = RN_OK;
                   for (const Sink* sink : {&dtransitions, &dstart, &dend})
                     if (status == RN_OK) status = zero(run, *sink);
                   return status;
                 }
                 RnCrfBackward call = {};
                 call.forward = fill_args(run, args, s);
                 // Backends only read it here; the forward struct is shared.
                 call.forward.reserve = const_cast<void*>(layout.open_for_read(run, reserve));
                 if (!call.forward.reserve) return RN_ERR_UNSUPPORTED;
                 call.dlikelihoods = run.data(dlikelihoods);
                 call.demissions = run.grad(demissions.tensor, demissions.add);
                 call.dtransitions = run.grad(dtransitions.tensor, dtransitions.add);
                 call.dstart = run.grad(dstart.tensor, dstart.add);
                 call.dend = run.grad(dend.tensor, dend.add);
                 return run.backend().crf_backward(run.context(), &call);
               });
}

}  // namespace rnnative
