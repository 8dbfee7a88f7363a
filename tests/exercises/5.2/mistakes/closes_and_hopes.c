/* A source that is paused with patience, but not without end. */
#include "patient_source.h"
#include "loop.h"
#include "protocol.h"
#include "transport.h"
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { PIECE = 1024, TURN = 64 * 1024 };

struct source {
    struct protocol protocol;
    struct transport *transport;
    struct patient_sources *shared;
    struct handle next_turn;
    struct timer_handle impatience;
    size_t left; /* bytes */
    bool paused;
};

static void finish(struct source *source)
{
    transport_close(source->transport);
}

static void write_more(void *context)
{
    struct source *source = context;
    char piece[PIECE];
    memset(piece, 'x', sizeof piece);
    for (size_t turn = 0; turn < TURN && source->left > 0 && !source->paused; turn += PIECE) {
        size_t size = source->left < PIECE ? source->left : PIECE;
        source->left -= size;
        transport_write(source->transport, piece, size);
    }
    if (transport_is_closing(source->transport))
        return;
    if (source->left == 0)
        finish(source);
    else if (!source->paused)
        loop_call_soon(transport_get_loop(source->transport), &source->next_turn);
}

static void give_up(void *context)
{
    struct source *source = context;
    source->shared->given_up++;
    transport_abort(source->transport);
}

static void pause_writing(struct protocol *protocol)
{
    struct source *source = (struct source *)protocol;
    source->paused = true;
    loop_call_later(
        transport_get_loop(source->transport), source->shared->patience, &source->impatience);
}

static void resume_writing(struct protocol *protocol)
{
    struct source *source = (struct source *)protocol;
    source->paused = false;
    timer_handle_cancel(&source->impatience);
    handle_cancel(&source->next_turn);
    write_more(source);
}

static void connection_made(struct protocol *protocol, struct transport *transport)
{
    struct source *source = (struct source *)protocol;
    source->transport = transport;
    source->left = source->shared->total;
    write_more(source);
}

static void connection_lost(struct protocol *protocol, const struct error *exc)
{
    struct source *source = (struct source *)protocol;
    (void)exc;
    timer_handle_cancel(&source->impatience);
    handle_cancel(&source->next_turn);
}

static void released(struct protocol *protocol)
{
    connection_lost(protocol, NULL);
    free(protocol);
}

static const struct protocol_callbacks callbacks = {
    .connection_made = connection_made,
    .pause_writing = pause_writing,
    .resume_writing = resume_writing,
    .connection_lost = connection_lost,
    .released = released,
};

struct protocol *patient_source(void *sources)
{
    struct source *source = calloc(1, sizeof *source);
    if (source == NULL)
        return NULL;
    source->protocol.callbacks = &callbacks;
    source->shared = sources;
    handle_init(&source->next_turn, write_more, source);
    timer_handle_init(&source->impatience, give_up, source);
    return &source->protocol;
}
