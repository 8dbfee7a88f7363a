/* reference.h: what a stream of frames says, worked out the slow way, to compare the framers with. The suites and the
   fuzzers share it: nothing of CUnit here. */
#ifndef REFERENCE_H
#define REFERENCE_H
#include <stddef.h>

#include "framing.h"

enum cutting_kind { CUT_LINES,
    CUT_DELIMITED,
    CUT_PREFIXED,
    CUT_FIXED };

struct cutting {
    enum cutting_kind kind;
    size_t limit;          /* of a frame; not of fixed ones */
    const char *delimiter; /* width bytes */
    size_t width;          /* of the delimiter, the prefix, a fixed frame */
    enum byte_order order;
};

void cutting_begin(const struct cutting *cutting, struct framer *framer);

/* Both return a text for the caller to free: the frames in brackets, with \xNN for bytes that are no plain text, and
   how it ended: "[hello][]tail(wor)" or "[hello]EMSGSIZE". */
char *reference_cut(const struct cutting *cutting, const char *data, size_t size);
/* By a framer, fed in pieces that end at the cuts (rising; a piece may be empty). Each piece is a heap block of exactly
   its size, freed after the call, so that a memory checker sees a framer that looks too far or keeps a pointer. */
char *framer_cut(const struct cutting *cutting, const char *data, size_t size, const size_t *cuts, size_t count);
#endif
