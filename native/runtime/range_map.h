// Values attached to ranges of a storage: failures and versions. Disjoint segments in order, kept
// in a flat vector, since a storage normally has none or one, and an arena at most one per
// parameter.
#ifndef RNNATIVE_RUNTIME_RANGE_MAP_H_
#define RNNATIVE_RUNTIME_RANGE_MAP_H_

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

namespace rnnative {

// Half-open, in bytes from the start of a storage. Empty ranges hold and touch nothing.
struct Range {
  int64_t begin = 0;
  int64_t end = 0;
  bool overlaps(const Range& other) const {
    return std::max(begin, other.begin) < std::min(end, other.end);
  }
};

template <typename Value>
class RangeMap {
 public:
  bool empty() const { return segments_.empty(); }

  // Every byte of `range` has this value from now on.
  void assign(Range range, const Value& value) { replace(range, &value); }

  // No byte of `range` has a value from now on.
  void erase(Range range) {
    if (!segments_.empty()) replace(range, nullptr);
  }

  // Calls visit(value) for the segments that overlap `range`, in order, until it answers false.
  template <typename Visit>
  void visit(Range range, Visit visit) const {
    if (range.begin >= range.end) return;
    for (size_t i = first(range); i < segments_.size() && segments_[i].begin < range.end; ++i)
      if (!visit(segments_[i].value)) return;
  }

 private:
  struct Segment {
    int64_t begin, end;
    Value value;
  };

  // Index of the first segment that ends behind the range's begin.
  size_t first(Range range) const {
    const auto it = std::partition_point(segments_.begin(), segments_.end(),
                                         [&](const Segment& s) { return s.end <= range.begin; });
    return static_cast<size_t>(it - segments_.begin());
  }

  void replace(Range range, const Value* value) {
    if (range.begin >= range.end) return;
    const size_t begin = first(range);
    size_t end = begin;
    while (end < segments_.size() && segments_[end].begin < range.end) ++end;

    if (end == begin + 1 && value && segments_[begin].begin == range.begin &&
        segments_[begin].end == range.end) {
      segments_[begin].value = *value;
      return;
    }
    // What is left of the old segments on either side, with the new one in between.
    std::vector<Segment> pieces;
    if (begin < end && segments_[begin].begin < range.begin)
      pieces.push_back({segments_[begin].begin, range.begin, segments_[begin].value});
    if (value) pieces.push_back({range.begin, range.end, *value});
    if (begin < end && segments_[end - 1].end > range.end)
      pieces.push_back({range.end, segments_[end - 1].end, segments_[end - 1].value});
    const auto at = segments_.erase(segments_.begin() + static_cast<std::ptrdiff_t>(begin),
                                    segments_.begin() + static_cast<std::ptrdiff_t>(end));
    segments_.insert(at, pieces.begin(), pieces.end());
  }

  std::vector<Segment> segments_;
};

}  // namespace rnnative

#endif  // RNNATIVE_RUNTIME_RANGE_MAP_H_
