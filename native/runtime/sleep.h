// Waiting for another thread to change a word of memory.
#ifndef RNNATIVE_RUNTIME_SLEEP_H_
#define RNNATIVE_RUNTIME_SLEEP_H_

#include <cstdint>

namespace rnnative {

// Sleeps while *word is `value`; may return early. The word is only read.
void sleep_while(const uint32_t* word, uint32_t value);
void wake_sleepers(const uint32_t* word);

}  // namespace rnnative

#endif  // RNNATIVE_RUNTIME_SLEEP_H_
