// Training vectors of words, documents and labels: word2vec (Mikolov et al. 2013), fastText
// (Bojanowski et al. 2017, Joulin et al. 2017), doc2vec (Le & Mikolov 2014).
#ifndef RNNATIVE_ABI_ARGS_EMBED_TRAIN_H_
#define RNNATIVE_ABI_ARGS_EMBED_TRAIN_H_

#include "native/abi/base.h"

// What predicts what. A word's vector is the mean of its parts' rows, or its own row.
enum RnEmbedModel {
  RN_EMBED_SKIPGRAM = 0,          // a word, each word near it
  RN_EMBED_CBOW = 1,              // the mean of the words near it, a word
  RN_EMBED_DOCUMENT = 2,          // a sentence's document, each of its words (PV-DBOW)
  RN_EMBED_DOCUMENT_CONTEXT = 3,  // the mean of the document and the words near it, a word (PV-DM)
  RN_EMBED_LABELS = 4,            // the mean of a sentence's rows, its label
};

enum RnEmbedLoss { RN_EMBED_NEGATIVE = 0, RN_EMBED_HIERARCHICAL = 1, RN_EMBED_SOFTMAX = 2 };

// Tables that do not learn.
enum RnEmbedFrozen { RN_EMBED_FROZEN_TABLE = 1, RN_EMBED_FROZEN_OUTPUT = 2 };

// A row's length is a multiple of this, zeros at its end.
#define RN_EMBED_UNIT 16
// Negatives, and nodes of a path, below this.
#define RN_EMBED_MOST 64
// Tokens of a block: see below.
#define RN_EMBED_BLOCK 1024

// One pass over sentences. Those that begin at tokens b * BLOCK .. (b + 1) * BLOCK - 1 are block b,
// which has a learning rate of its own, lr_begin + (lr_end - lr_begin) * b * BLOCK / count, and
// draws of its own: a chain of numbers that begins with the first two words of block b of `random`
// (of block 0 at every sentence, where `alike`). Blocks are taken by threads as they come, without
// locks (Niu et al. 2011): with one thread they go in order, and the same arguments give the same
// bits; with more, threads may overwrite each other's updates, and results differ from run to run.
//
// Negatives may come in classes: word i is of class i modulo `classes`, and `choices` lead from a
// word to one of its class. Where several threads learn and sentences do not draw alike, thread t
// draws from class (t + random.step) modulo `classes` alone, so that no two write the rows of the
// same negatives, five of six, at a time; over steps each word is drawn as often as else.
//
// Draws of a sentence: of each token, where there is `keep`; then for each word that predicts or is
// predicted one for its window, where it shrinks to 1..window; for each prediction two for a
// negative, which is left out where it is the target.
typedef struct RnEmbedTrain {
  int32_t model;  // RnEmbedModel
  int32_t loss;   // RnEmbedLoss
  int32_t window, shrink;
  int32_t negative;
  int32_t frozen;  // bits of RnEmbedFrozen
  int32_t alike;
  int32_t threads;  // at most so many
  int32_t classes;  // of negatives; at most `targets`
  int64_t features;
  int64_t words;      // tokens are below; rows for RN_EMBED_LABELS
  int64_t targets;    // what can be predicted
  int64_t out_rows;   // targets, or nodes
  int64_t count;      // tokens
  int64_t sentences;  // of which each has `starts[s] .. starts[s + 1] - 1`
  int64_t longest;    // tokens of a sentence
  void* table;        // [rows, features]
  void* documents;    // [documents, features], for the two models of documents
  void* output;       // [out_rows, features]
  const int32_t* tokens;
  const int32_t* starts;       // [sentences + 1]
  const int32_t* labels;       // [sentences]: document or label
  const int32_t* part_starts;  // [words + 1] into parts; NULL: a word is its own row
  const int32_t* parts;        // rows of the table
  const int32_t* keep;         // [words]: kept where a draw is not above; NULL: all are
  const int32_t* choices;      // [targets, 2]: of negatives, by the alias method
  const int32_t* path_starts;  // [targets + 1] into paths
  const int32_t* paths;        // 2 * node + what is predicted there
  double lr_begin, lr_end;
  RnRandom random;
  void* losses;  // [2]: mean negative log-likelihood of a prediction; how many there were
} RnEmbedTrain;

// 31 bits (Knuth's MMIX).
static inline uint32_t rn_embed_draw(uint64_t* state) {
  *state = *state * 6364136223846793005u + 1442695040888963407u;
  return (uint32_t)(*state >> 33);
}

// Words that a thread draws negatives from: `count` of them, every `every`-th from `first` on.
typedef struct RnEmbedClass {
  uint64_t first, every, count;
} RnEmbedClass;
static inline RnEmbedClass rn_embed_class(const RnEmbedTrain* args, uint64_t first,
                                          uint64_t every) {
  const RnEmbedClass of = {first, every, ((uint64_t)args->targets - first + every - 1) / every};
  return of;
}

// A negative.
static inline int32_t rn_embed_choose(const RnEmbedTrain* args, const RnEmbedClass* of,
                                      uint64_t* state) {
  const uint64_t i = (((uint64_t)rn_embed_draw(state) * of->count) >> 31) * of->every + of->first;
  const int32_t within = (int32_t)rn_embed_draw(state);
  return within <= args->choices[2 * i] ? (int32_t)i : args->choices[2 * i + 1];
}

#endif  // RNNATIVE_ABI_ARGS_EMBED_TRAIN_H_
