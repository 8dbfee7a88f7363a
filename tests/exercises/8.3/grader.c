/* Exercise 8.3: a tee between pipes that are all in the test's hands, so that nothing has to be waited for. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "grader.h"
#include "tee.h"
#include "turns.h"

enum { MUCH = 2 << 20,
    MOST_HELD = 400000,
    IDLE_PASSES = 20 };

struct plumbing {
    struct loop *loop;
    struct tee tee;
    int times;         /* ended was called */
    int feed, taps[2]; /* -1: closed */
    size_t goal;       /* so much is to be fed, and then the end */
    size_t fed, got[2];
    bool stalled[2]; /* this reader does not read */
    bool wrong[2], over[2];
};

static char byte_at(size_t place)
{
    return (char)(place * 7 + place / 251);
}

static void ended(struct tee *tee)
{
    ((struct plumbing *)tee->context)->times++;
}

static void pipe_of_ours(int ends[2], int ours)
{
    expect(pipe(ends) == 0, "the grader's own pipe to be made", "%s", strerror(errno));
    fcntl(ends[ours], F_SETFL, O_NONBLOCK);
}

static void begin(struct plumbing *self, size_t goal)
{
    int from[2], to[2], ends[2];
    *self = (struct plumbing){.goal = goal, .tee = {.ended = ended, .context = self}};
    pipe_of_ours(from, 1);
    self->feed = from[1];
    for (int i = 0; i < 2; i++) {
        pipe_of_ours(ends, 0);
        self->taps[i] = ends[0];
        to[i] = ends[1];
    }
    self->loop = loop_create(NULL);
    expect_int("what tee_start returned", 0, tee_start(&self->tee, self->loop, from[0], to));
}

static void shut(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* True if anything went in. */
static bool feed(struct plumbing *self)
{
    char data[16384];
    size_t size = self->goal - self->fed < sizeof data ? self->goal - self->fed : sizeof data;
    if (self->feed < 0)
        return false;
    for (size_t i = 0; i < size; i++)
        data[i] = byte_at(self->fed + i);
    ssize_t written = size > 0 ? write(self->feed, data, size) : 0;
    if (written > 0)
        self->fed += (size_t)written;
    if (self->fed == self->goal || (written < 0 && errno == EPIPE))
        shut(&self->feed);
    return written > 0;
}

static bool tap(struct plumbing *self, int which)
{
    char data[16384];
    if (self->taps[which] < 0 || self->stalled[which] || self->over[which])
        return false;
    ssize_t size = read(self->taps[which], data, sizeof data);
    for (ssize_t i = 0; i < size; i++)
        if (data[i] != byte_at(self->got[which] + (size_t)i))
            self->wrong[which] = true;
    if (size > 0)
        self->got[which] += (size_t)size;
    self->over[which] = size == 0;
    return size > 0;
}

/* Feeds, turns the loop and taps until nothing moves any more. */
static void flow(struct plumbing *self)
{
    for (int idle = 0; idle < IDLE_PASSES; idle++) {
        while (feed(self))
            idle = 0;
        turn_within(self->loop, 0);
        for (int i = 0; i < 2; i++)
            while (tap(self, i))
                idle = 0;
    }
}

static void finish(struct plumbing *self)
{
    shut(&self->feed);
    shut(&self->taps[0]);
    shut(&self->taps[1]);
    loop_free(self->loop);
}

static void has_all(const struct plumbing *self, int which)
{
    const char *name = which == 0 ? "the first" : "the second";
    expect(self->got[which] == self->goal, "a reader to get all of it", "%zu bytes of %zu for %s reader",
        self->got[which], self->goal, name);
    expect(!self->wrong[which], "the bytes to be those of the source, in their order", "others, for %s reader", name);
    expect(self->over[which], "a reader to hear the end", "no end for %s reader", name);
}

static void holds_little(const struct plumbing *self)
{
    expect(self->fed <= MOST_HELD, "the source to be held at some 256 KiB, and at 400,000 bytes at most",
        "%zu bytes were taken from it", self->fed);
}

static void both_get_everything(void)
{
    struct plumbing self;
    did("sent 300,000 bytes and the end to two readers who read all the time");
    begin(&self, 300000);
    flow(&self);
    finish(&self);
    has_all(&self, 0);
    has_all(&self, 1);
    expect_int("how often ended was called", 1, self.times);
}

static void a_stalled_reader_holds_the_source(void)
{
    struct plumbing self;
    begin(&self, MUCH);
    for (int which = 0; which < 2; which++) {
        did("offered 2 MiB, while reader %d of 2 reads nothing", which + 1);
        self.stalled[which] = true;
        flow(&self);
        holds_little(&self);
        self.stalled[which] = false;
        if (which == 0)
            finish(&self), begin(&self, MUCH);
    }
    did("let it read again");
    flow(&self);
    finish(&self);
    has_all(&self, 0);
    has_all(&self, 1);
}

static void one_that_resumes_does_not_speak_for_the_other(void)
{
    struct plumbing self;
    did("offered 2 MiB while nobody reads, then let only the first read");
    begin(&self, MUCH);
    self.stalled[0] = self.stalled[1] = true;
    flow(&self);
    holds_little(&self);
    self.stalled[0] = false;
    flow(&self);
    holds_little(&self);
    did("let the second read too");
    self.stalled[1] = false;
    flow(&self);
    finish(&self);
    has_all(&self, 0);
    has_all(&self, 1);
}

static void a_reader_that_leaves_is_forgotten(void)
{
    struct plumbing self;
    did("offered 600,000 bytes; the first reader leaves before it has read anything");
    begin(&self, 600000);
    shut(&self.taps[0]);
    flow(&self);
    finish(&self);
    has_all(&self, 1);
    expect_int("how often ended was called", 1, self.times);
}

static void a_reader_that_leaves_when_it_is_full_holds_nobody(void)
{
    struct plumbing self;
    did("offered 600,000 bytes; the second reader reads nothing, and leaves when the source stands still");
    begin(&self, 600000);
    self.stalled[1] = true;
    flow(&self);
    holds_little(&self);
    shut(&self.taps[1]);
    flow(&self);
    finish(&self);
    has_all(&self, 0);
    expect_int("how often ended was called", 1, self.times);
}

static void without_readers_the_source_is_closed(void)
{
    struct plumbing self;
    did("offered 2 MiB; both readers leave at once");
    begin(&self, MUCH);
    shut(&self.taps[0]);
    shut(&self.taps[1]);
    flow(&self);
    expect(self.feed < 0 && self.fed < MUCH, "the source to be closed", "%s",
        self.feed < 0 ? "2 MiB were read from it" : "it was left open");
    finish(&self);
    expect_int("how often ended was called", 1, self.times);
}

static void the_end_waits_for_the_slower(void)
{
    struct plumbing self;
    did("sent 100,000 bytes and the end, while the second reader reads nothing");
    begin(&self, 100000);
    self.stalled[1] = true;
    flow(&self);
    int early = self.times;
    self.stalled[1] = false;
    flow(&self);
    finish(&self);
    expect_int("how often ended was called before the second had read", 0, early);
    has_all(&self, 0);
    has_all(&self, 1);
    expect_int("how often ended was called in the end", 1, self.times);
}

static const struct grader_test tests[] = {
    GRADER_TEST(both_get_everything),
    GRADER_TEST(a_stalled_reader_holds_the_source),
    GRADER_TEST(one_that_resumes_does_not_speak_for_the_other),
    GRADER_TEST(a_reader_that_leaves_is_forgotten),
    GRADER_TEST(a_reader_that_leaves_when_it_is_full_holds_nobody),
    GRADER_TEST(without_readers_the_source_is_closed),
    GRADER_TEST(the_end_waits_for_the_slower),
};

int main(int argc, char **argv)
{
    return grader_main(argc, argv, tests, sizeof tests / sizeof *tests);
}
