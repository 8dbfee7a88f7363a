/* recording.c: a protocol that writes down what it is told, and a connection made of it and a plain socket. */
#include "recording.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "peers.h"
#include "socket_transport.h"

static const struct recording *last_reader;
static size_t last_length;

static struct recording *recording_of(struct protocol *protocol)
{
    return (struct recording *)protocol;
}

static void note(const struct recording *recording, const char *event)
{
    if (recording->name != NULL)
        trace("%s.%s", recording->name, event);
    else
        trace("%s", event);
}

void recording_made(struct protocol *protocol, struct transport *transport)
{
    struct recording *recording = recording_of(protocol);
    recording->made++;
    recording->transport = transport;
    note(recording, "CM");
    if (recording->on_made != NULL)
        recording->on_made(recording);
}

static void note_data(struct recording *recording, const char *data, size_t size)
{
    char text[2100];
    size_t length = 0;
    bool grows = last_reader == recording && last_length > 0 && strlen(traced()) == last_length;
    for (size_t i = 0; i < size && length + 8 < sizeof text; i++) {
        if (data[i] >= ' ' && data[i] <= '~')
            text[length++] = data[i];
        else
            length += (size_t)snprintf(text + length, sizeof text - length, "\\x%02x", (unsigned char)data[i]);
    }
    text[length] = '\0';
    if (!grows)
        note(recording, "DR()");
    trace_amend(1, text);
    trace_amend(0, ")");
    last_reader = recording;
    last_length = strlen(traced());
}

void recording_data(struct protocol *protocol, const void *data, size_t size)
{
    struct recording *recording = recording_of(protocol);
    CHECK(size > 0);
    CHECK(recording->made == 1 || recording->name != NULL);
    if (!recording->counts_only)
        note_data(recording, data, size);
    else if (!pattern_matches(data, size, recording->received))
        FAIL("what was received at offset %zu (%zu bytes) is not what was sent", recording->received, size);
    recording->received += size;
    if (size > recording->largest)
        recording->largest = size;
    if (recording->on_data != NULL)
        recording->on_data(recording, data, size);
}

void recording_lost(struct protocol *protocol, const struct error *exc)
{
    struct recording *recording = recording_of(protocol);
    char event[400];
    recording->lost++;
    snprintf(event, sizeof event, "CL(%s)", error_name(exc));
    note(recording, event);
    if (recording->on_lost != NULL)
        recording->on_lost(recording, exc);
    recording->transport = NULL;
}

void recording_released(struct protocol *protocol)
{
    struct recording *recording = recording_of(protocol);
    recording->released++;
    recording->transport = NULL;
    if (last_reader == recording)
        last_reader = NULL;
    if (recording->on_released != NULL)
        recording->on_released(recording);
}

const struct protocol_callbacks recording_callbacks = {
    .connection_made = recording_made,
    .data_received = recording_data,
    .connection_lost = recording_lost,
    .released = recording_released,
};

void recording_init(struct recording *recording, const char *name)
{
    *recording = (struct recording){.protocol = {&recording_callbacks}, .name = name};
}

void check_lived(const struct recording *recording, const char *file, int line)
{
    check_integer(recording->made, 1, "calls of connection_made", file, line);
    check_integer(recording->lost, 1, "calls of connection_lost", file, line);
    check_integer(recording->released, 1, "calls of released", file, line);
}

/* Wires. */

void wire_prepare(struct wire *wire, void (*pair)(int ends[2]))
{
    int ends[2];
    *wire = (struct wire){.ours = -1, .theirs = -1};
    pair(ends);
    wire->loop = new_loop();
    wire->ours = ends[0];
    wire->theirs = ends[1];
    recording_init(&wire->protocol, NULL);
}

void wire_start(struct wire *wire, struct handle *waiter)
{
    wire->transport = socket_transport_create(wire->loop, wire->ours, &wire->protocol.protocol, waiter);
    REQUIRE(wire->transport != NULL);
    CHECK_TRACE("");
}

void wire_begin(struct wire *wire, void (*pair)(int ends[2]))
{
    wire_prepare(wire, pair);
    wire_start(wire, NULL);
    settle(wire->loop);
    CHECK_TRACE("CM");
    trace_clear();
}

void wire_end(struct wire *wire)
{
    if (wire->protocol.made > 0 && wire->protocol.lost == 0) {
        transport_abort(wire->transport);
        settle(wire->loop);
    }
    check_lived(&wire->protocol, __FILE__, __LINE__);
    free_loop(wire->loop);
    if (wire->theirs >= 0)
        close(wire->theirs);
}

void tight_pair(int ends[2])
{
    small_tcp_pair(ends, 4096);
}

void tight_unix_pair(int ends[2])
{
    int size = 4096;
    unix_pair(ends);
    for (int i = 0; i < 2; i++) {
        setsockopt(ends[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
        setsockopt(ends[i], SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    }
}

/* Patterns: 251 is prime, so that no power of two looks right at the wrong place. */

void pattern_fill(void *data, size_t size, size_t offset)
{
    unsigned char *bytes = data;
    for (size_t i = 0; i < size; i++)
        bytes[i] = (unsigned char)((offset + i) % 251);
}

bool pattern_matches(const void *data, size_t size, size_t offset)
{
    const unsigned char *bytes = data;
    for (size_t i = 0; i < size; i++)
        if (bytes[i] != (offset + i) % 251)
            return false;
    return true;
}

void write_pattern(struct transport *transport, size_t size, size_t offset)
{
    char *data = malloc(size);
    REQUIRE(data != NULL);
    pattern_fill(data, size, offset);
    CHECK_INT(transport_write(transport, data, size), 0);
    memset(data, 'X', size);
    free(data);
}

size_t take_pattern(struct loop *loop, int fd, size_t offset)
{
    char data[16384];
    size_t total = 0;
    int error;
    for (;;) {
        size_t got = peer_receive(loop, fd, data, sizeof data, &error);
        if (!pattern_matches(data, got, offset + total)) {
            FAIL("what the peer received from offset %zu on is not what was sent", offset + total);
            return total + got;
        }
        total += got;
        if (got < sizeof data)
            break;
    }
    CHECK_TEXT(error == 0 ? "the end" : strerror(error), "the end");
    return total;
}

void fail_with(struct recording *recording, const char *text)
{
    struct error *error = error_new(&error_application, 1, "%s", text);
    transport_fail(recording->transport, error);
    error_release(error);
}

void fail_with_errno(struct recording *recording, int code)
{
    struct error *error = error_from_errno(code);
    transport_fail(recording->transport, error);
    error_release(error);
}
