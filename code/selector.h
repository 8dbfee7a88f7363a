/* selector.h - tangled from chapters/01-select-loop.nw; edit that file, not this one. */
#ifndef SELECTOR_H
#define SELECTOR_H

struct loop;

enum { SELECT_READ = 1, SELECT_WRITE = 2 };

/* A way to wait for many descriptors. One that selects begins with a struct selector. */
struct selector {
    const struct selector_methods *methods;
};

struct selector_methods {
    const char *name;

    /* NULL and errno when this system has no such selector. */
    struct selector *(*create)(void);

    /* Called when what we wait for on a descriptor changes: a set of SELECT_READ, SELECT_WRITE.
       Wanting more returns 0 or a negative errno; -ERANGE: this selector cannot take so high a
       number. Wanting less returns 0 whatever has become of the descriptor. */
    int (*modify)(struct selector *, int fd, unsigned before, unsigned now);

    /* Waits until a descriptor is ready, at most timeout seconds (negative: for ever), and reports
       each one found, in the selector's order. Returns 0, also after a signal, or a negative
       errno. */
    int (*select)(struct selector *, double timeout, struct loop *);

    void (*destroy)(struct selector *);
};

/* For selectors: the descriptor is ready for these events. Queues the handles that wait for it. */
void loop_report_found(struct loop *, int fd, unsigned events);

extern const struct selector_methods select_methods;

#endif
