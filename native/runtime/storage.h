// The bytes under one or more tensors, with what is known about ranges of them.
//
// Two threads use a storage, each its own part: the environment's thread that submits ops counts
// versions; the engine thread allocates, records failures and keeps packed weights. Whichever lets
// go last frees it.
#ifndef RNNATIVE_RUNTIME_STORAGE_H_
#define RNNATIVE_RUNTIME_STORAGE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "native/runtime/allocator.h"
#include "native/runtime/failure.h"
#include "native/runtime/range_map.h"
#include "native/runtime/tensor.h"

namespace rnnative {

// The bytes of a storage that a tensor covers.
Range range_of(const Tensor& tensor);
bool overlap(const Tensor& a, const Tensor& b);

// Of an op's inputs, one after the other: what keeps it from running, or null. A real failure tells
// more than a part that no op has written (Storage::unwritten).
void add_failure(const Tensor& input, FailurePtr* first);
// In place of the latter, the op's own.
FailurePtr unwritten_input(const char* op);

class Storage {
 public:
  Storage(Device device, size_t bytes);
  ~Storage();
  Storage(const Storage&) = delete;
  Storage& operator=(const Storage&) = delete;

  Device device() const { return device_; }
  size_t bytes() const { return bytes_; }
  uint64_t id() const { return id_; }
  // The id of the storage that is made next.
  static uint64_t next_id();
  // Storages alive now, in all environments.
  static int64_t count(Device device);

  // ---- on the environment's thread ----

  // Changes whenever an op that writes any of `range` is submitted; 0: none was.
  uint64_t version(Range range) const;
  void advance(Range range) { versions_.assign(range, ++writes_); }
  // A process-wide name for a view as a weight: equal only for equal offsets and shapes, since the
  // packed form depends on both.
  uint64_t weight_id(const Tensor& weight);

  // ---- on the engine's thread (and, before any op knows the storage, its creator's) ----

  // Takes the memory if there is none yet. Throws ERR_OUT_OF_MEMORY without an "[op] " prefix.
  void allocate();
  void allocate(Account account);
  void* data() const { return block_.data; }

  // The values of a tensor of integers on a device whose memory the host cannot read, as long as no
  // op has written it there: those at `data` in the device's memory, null where there are none.
  const int32_t* host_copy(const int32_t* data) const;
  void keep_host_copy(const void* from);
  void drop_host_copy() { host_copy_.reset(); }

  // The first failure in `range`, or null. Ranges that no op has written have `unwritten()`.
  const FailurePtr& failure(Range range) const;
  void fail(Range range, const FailurePtr& failure) { failures_.assign(range, failure); }
  void succeed(Range range) { failures_.erase(range); }
  static const FailurePtr& unwritten();

  struct PackedForm {
    void* data;    // null: over the limit, unless `passing`
    bool fresh;    // the caller must fill it
    bool passing;  // not worth keeping: the caller takes memory of its own
  };
  // The packed form `kind` of weight `id`, one version at a time. In training every use is of a new
  // version, and a form would be kept for nothing: it passes, until the same version is asked for
  // again, and does so again once a version was used no more than once. `layout` tells backends
  // apart.
  PackedForm packed(uint64_t id, uint64_t version, uint32_t kind, size_t bytes, const void* layout);
  // Drops the packed forms of a weight, after an op failed that may have left one half filled.
  void drop_packed(uint64_t id);

 private:
  struct Packed {
    uint64_t id, version;
    uint32_t kind;
    const void* layout;
    size_t bytes;
    Block block;  // empty: the version passed
    bool used_again;
  };

  const Device device_;
  const size_t bytes_;
  const uint64_t id_;

  RangeMap<uint64_t> versions_;
  uint64_t writes_ = 0;
  std::map<std::vector<int64_t>, uint64_t> weight_ids_;

  Block block_;
  std::unique_ptr<char[]> host_copy_;
  RangeMap<FailurePtr> failures_;
  std::vector<Packed> packed_;
};

}  // namespace rnnative

#endif  // RNNATIVE_RUNTIME_STORAGE_H_
