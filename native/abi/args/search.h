// Choosing continuations: the best of a beam, or a token of each row.
#ifndef RNNATIVE_ABI_ARGS_SEARCH_H_
#define RNNATIVE_ABI_ARGS_SEARCH_H_

#include "native/abi/base.h"

// What is added to the score of token `tokens[i]` after row `rows[i]`; -inf forbids it.
typedef struct RnPenalties {
  int64_t count;                 // P
  const int32_t *rows, *tokens;  // [P]
  const void* values;            // [P]
} RnPenalties;

// The k best continuations of each sentence's hypotheses, best first. After row r, token w scores
//   scores[r] + log-softmax(logits[r])[w] + the penalties given for (r, w).
// Of equals the one with the lower index comes first. Those that score -inf or NaN are left out,
// all of a row that has -inf itself among them (whose logits are not read): index -1, score -inf.
// Logits of another row that are NaN or +inf, or all -inf: RN_ERR_NONFINITE.
typedef struct RnTopk {
  int64_t groups, beams, vocabulary, k;  // beams * vocabulary < 2^31, k at most that
  const void* logits;                    // [groups * beams, vocabulary]
  const void* scores;                    // [groups * beams]
  RnPenalties penalties;
  int32_t* indices;  // [groups, k] beam * vocabulary + token
  void* best;        // [groups, k]
} RnTopk;

// The next rows of a search from what RnTopk chose of the present ones: of each group's k
// continuations those that do not end it, in their order, then rows without a hypothesis. With
// index = indices[g, i], token = index % vocabulary and j the first of those that go on, the row of
// the i-th has
//   tokens  token, or `unknown` where the token is not below `known`
//   rows    g * beams + index / vocabulary
//   scores  best[g, i] - best[g, j]
// and a row without a hypothesis the end, the group's first row and -inf.
typedef struct RnExtendBeams {
  int64_t groups, beams, vocabulary, k;
  int64_t end;             // within the vocabulary
  int64_t known, unknown;  // 1..vocabulary; below `known`
  const int32_t* indices;  // [groups, k] -1 where there is none; else in 0..beams * vocabulary - 1
  const void* best;        // [groups, k]
  int32_t *tokens, *rows;  // [groups, k]
  void* scores;            // [groups, k]
} RnExtendBeams;

// A token of each row: given[r] unless that is -1; else one chosen by the scores
//   s[w] = logits[r, w] + the penalties given for (r, w).
// With temperature 0 it is the likeliest. Else it is drawn with probabilities in proportion to
// exp(s / temperature), among the top_k likeliest and of them among the fewest likeliest that
// together have top_p of their probability (at least); of equals the lower token is the likelier.
// With a the sum of the weights left, it is the first, in order of tokens, at which their running
// sum exceeds u a, u = (words[r, 0] << 21 | words[r, 1] >> 11) * 2^-53.
// A row's choice does not depend on the others. Logits of a row without a given token that are NaN
// or +inf, or scores that are all -inf: RN_ERR_NONFINITE.
typedef struct RnSampleTokens {
  int64_t rows, vocabulary;
  int64_t top_k;          // 1..vocabulary
  double top_p;           // above 0; 1: no limit
  double temperature;     // at least 0
  const void* logits;     // [rows, vocabulary]
  const int32_t* given;   // [rows] or NULL: all -1
  const uint32_t* words;  // [rows, 2]; NULL with temperature 0
  RnPenalties penalties;
  int32_t* tokens;          // [rows]
  void* log_probabilities;  // [rows] log-softmax(logits[r])[tokens[r]], whatever the temperature
} RnSampleTokens;

#endif  // RNNATIVE_ABI_ARGS_SEARCH_H_
