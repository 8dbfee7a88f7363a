/* error.h - tangled from chapters/01-select-loop.nw; edit that file, not this one. */
#ifndef ERROR_H
#define ERROR_H
#include <stdbool.h>

/* Whose numbers an error's code is one of. Compared by address. */
struct error_domain {
    const char *name;
};

extern const struct error_domain error_os;          /* code: an errno, positive */
extern const struct error_domain error_application; /* code: whatever the program means by it */

/* What went wrong. Never changes; shared by counting references. A count is not locked: one error
   belongs to one thread at a time. */
struct error {
    const struct error_domain *domain;
    int code;
    const char *text;    /* what a user reads */
    unsigned references; /* private */
};

/* A new error; the caller owns one reference. Never NULL: without memory, it is an error that
   says so. The text is formatted as by printf. */
struct error *error_new(const struct error_domain *, int code, const char *format, ...);

/* error_os errors in Python's words: "[Errno 111] Connection refused"; with a text of one's own,
   "[Errno 111] Connect call failed ('127.0.0.1', 1)". */
struct error *error_from_errno(int code);
struct error *error_from_errno_with(int code, const char *format, ...);

/* One more reference to the same error; NULL stays NULL. */
struct error *error_retain(const struct error *);

/* One reference less; the last frees it. NULL is fine. */
void error_release(struct error *);

bool error_is(const struct error *, const struct error_domain *, int code);

#endif
