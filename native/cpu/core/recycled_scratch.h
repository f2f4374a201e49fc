// A context whose scratch memory is handed out again after restart(), for ops that call others in a
// loop, thousands of times, without asking the runtime.
#ifndef RNNATIVE_CPU_CORE_RECYCLED_SCRATCH_H_
#define RNNATIVE_CPU_CORE_RECYCLED_SCRATCH_H_

#include "native/abi/backend.h"

namespace rnnative::cpu::RN_ISA {
namespace {

class RecycledScratch {
 public:
  explicit RecycledScratch(RnContext* outer) : outer_(outer), context_(*outer) {
    context_.runtime = this;
    context_.scratch = take;
    context_.held = [](void* runtime) { return (size_t)((RecycledScratch*)runtime)->next_; };
    context_.release = [](void* runtime, size_t count) {
      ((RecycledScratch*)runtime)->next_ = (int)count;
    };
    context_.packed = packed;
  }
  RecycledScratch(const RecycledScratch&) = delete;
  RecycledScratch& operator=(const RecycledScratch&) = delete;

  // The context for the next call; what earlier ones were given is free.
  RnContext* restart() {
    next_ = 0;
    return &context_;
  }

 private:
  static constexpr int kSlots = 8;

  static void* take(void* runtime, size_t bytes) {
    auto* self = (RecycledScratch*)runtime;
    const bool kept = self->next_ < kSlots;
    Slot* slot = kept ? &self->slots_[self->next_++] : nullptr;
    if (kept && slot->bytes >= bytes) return slot->data;
    void* data = self->outer_->scratch(self->outer_->runtime, bytes);
    if (kept) *slot = {data, data ? bytes : 0};
    return data;
  }
  static void* packed(void* runtime, uint64_t id, uint64_t version, uint32_t kind, size_t bytes,
                      int32_t* fresh) {
    RnContext* outer = ((RecycledScratch*)runtime)->outer_;
    return outer->packed(outer->runtime, id, version, kind, bytes, fresh);
  }

  struct Slot {
    void* data;
    size_t bytes;
  };
  RnContext* outer_;
  RnContext context_;
  Slot slots_[kSlots] = {};
  int next_ = 0;
};

}  // namespace
}  // namespace rnnative::cpu::RN_ISA

#endif  // RNNATIVE_CPU_CORE_RECYCLED_SCRATCH_H_
