/* party.c: a protocol that keeps its own story. */
#include "party.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "ch02/recording.h"
#include "error.h"

static struct party *party_of(struct protocol *protocol)
{
    return (struct party *)protocol;
}

static size_t room(const struct party *party)
{
    return sizeof party->story - strlen(party->story);
}

void party_note(struct party *party, const char *format, ...)
{
    va_list arguments;
    size_t length = strlen(party->story);
    if (length > 0 && room(party) > 1) {
        strcpy(party->story + length, ";");
        length++;
    }
    va_start(arguments, format);
    vsnprintf(party->story + length, sizeof party->story - length, format, arguments);
    va_end(arguments);
}

static void made(struct protocol *protocol, struct transport *transport)
{
    struct party *party = party_of(protocol);
    party->made++;
    party->transport = transport;
    party_note(party, "CM");
    if (party->on_made != NULL)
        party->on_made(party);
}

static void note_data(struct party *party, const char *data, size_t size)
{
    size_t length = strlen(party->story);
    const char *last = strrchr(party->story, ';');
    last = last == NULL ? party->story : last + 1;
    if (strncmp(last, "DR(", 3) == 0)
        party->story[length - 1] = '\0';
    else
        party_note(party, "DR(");
    length = strlen(party->story);
    snprintf(party->story + length, sizeof party->story - length, "%.*s)", (int)size, data);
}

static void data_received(struct protocol *protocol, const void *data, size_t size)
{
    struct party *party = party_of(protocol);
    CHECK(size > 0);
    if (!party->counts_only)
        note_data(party, data, size);
    else if (!pattern_matches(data, size, party->received))
        FAIL("what was received at offset %zu (%zu bytes) is not what was sent", party->received, size);
    party->received += size;
    party->deliveries++;
    if (party->on_data != NULL)
        party->on_data(party, data, size);
}

static bool eof_received(struct protocol *protocol)
{
    struct party *party = party_of(protocol);
    party_note(party, "EOF");
    if (party->on_end != NULL)
        party->on_end(party);
    return party->keep_open;
}

static void pause_writing(struct protocol *protocol)
{
    struct party *party = party_of(protocol);
    CHECK_INT(party->paused, party->resumed);
    party->paused++;
}

static void resume_writing(struct protocol *protocol)
{
    struct party *party = party_of(protocol);
    party->resumed++;
    CHECK_INT(party->paused, party->resumed);
}

static void lost(struct protocol *protocol, const struct error *exc)
{
    struct party *party = party_of(protocol);
    party->lost++;
    party_note(party, "CL(%s)", error_name(exc));
    party->transport = NULL;
}

static void released(struct protocol *protocol)
{
    struct party *party = party_of(protocol);
    party->released++;
    party->transport = NULL;
}

static const struct protocol_callbacks callbacks = {
    .connection_made = made,
    .data_received = data_received,
    .eof_received = eof_received,
    .pause_writing = pause_writing,
    .resume_writing = resume_writing,
    .connection_lost = lost,
    .released = released,
};

void party_init(struct party *party)
{
    *party = (struct party){.protocol = {&callbacks}};
}

struct protocol *party_factory(void *party)
{
    return &((struct party *)party)->protocol;
}

void party_say(struct party *party, const char *text)
{
    CHECK_INT(transport_write(party->transport, text, strlen(text)), 0);
}

void party_fail(struct party *party, const char *text)
{
    struct error *error = error_new(&error_application, 1, "%s", text);
    transport_fail(party->transport, error);
    error_release(error);
}

struct expectation {
    const struct party *party;
    const char *story;
    size_t size;
};

static bool decided(void *context)
{
    const struct expectation *expected = context;
    const char *story = expected->party->story;
    size_t length = strlen(story);
    if (strcmp(story, expected->story) == 0)
        return true;
    if (length > 0 && story[length - 1] == ')') /* a delivery may still grow */
        length--;
    return strncmp(story, expected->story, length) != 0;
}

void party_until(struct loop *loop, struct party *party, const char *expected, const char *file, int line)
{
    struct expectation wanted = {.party = party, .story = expected};
    if (run_until(loop, decided, &wanted))
        settle(loop);
    check_text(party->story, expected, "what happened", file, line);
}

static bool has_received(void *context)
{
    const struct expectation *expected = context;
    return expected->party->received >= expected->size || expected->party->lost > 0;
}

bool party_receives(struct loop *loop, struct party *party, size_t size)
{
    struct expectation wanted = {.party = party, .size = size};
    return run_until(loop, has_received, &wanted) && party->received >= size;
}
