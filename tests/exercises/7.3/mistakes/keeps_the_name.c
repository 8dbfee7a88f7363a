/* Remembers a name from before the handshake. */
#include "letterbox.h"
#include "framing.h"
#include "future.h"
#include "tls.h"
#include "transport.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LONGEST_LINE = 1024 };

struct visitor {
    struct protocol protocol;
    struct transport *transport;
    const struct letterbox *letterbox;
    struct framer framer;
    char user[64];  /* "": nobody yet */
    bool secure;    /* what comes now is encrypted */
    bool upgrading; /* `upgraded` is in use */
    struct future upgraded;
};

static void answer(struct visitor *self, const char *text)
{
    const struct iovec line[] = {
        {.iov_base = (char *)text, .iov_len = strlen(text)},
        {.iov_base = (char *)"\n", .iov_len = 1},
    };
    transport_writelines(self->transport, line, 2);
}

static void start_tls(struct visitor *self)
{
    struct loop *loop = transport_get_loop(self->transport);
    answer(self, "Ready");
    future_init(&self->upgraded, loop);
    self->upgrading = true;
    if (loop_start_tls(loop, &self->upgraded, self->transport, &self->protocol,
            self->letterbox->tls, NULL) != 0)
        transport_abort(self->transport);
}

static void begin_to_trust(struct visitor *self)
{
    void *transport;
    if (self->secure || !self->upgrading || future_result(&self->upgraded, &transport) != 0)
        return;
    self->transport = transport;
    self->secure = true;
    framer_clear(&self->framer);
    framer_init_lines(&self->framer, LONGEST_LINE);
}

static void take_letter(struct visitor *self, const char *text)
{
    if (!self->secure) {
        answer(self, "STARTTLS first");
        return;
    }
    if (self->user[0] == '\0') {
        answer(self, "USER first");
        return;
    }
    self->letterbox->stored(self->letterbox->context, self->user, text);
    answer(self, "Stored");
}

static void welcome(struct visitor *self, const char *name)
{
    char text[80];
    snprintf(self->user, sizeof self->user, "%.63s", name);
    snprintf(text, sizeof text, "Welcome, %s", self->user);
    answer(self, text);
}

static bool obey(void *context, const char *line, size_t size)
{
    struct visitor *self = context;
    char text[LONGEST_LINE + 1];
    memcpy(text, line, size);
    text[size] = '\0';
    if (strncmp(text, "USER ", 5) == 0)
        welcome(self, text + 5);
    else if (strncmp(text, "LETTER ", 7) == 0)
        take_letter(self, text + 7);
    else if (strcmp(text, "STARTTLS") != 0)
        answer(self, "What?");
    else if (self->secure)
        answer(self, "Already");
    else {
        start_tls(self);
        return false;
    }
    return true;
}

static void connection_made(struct protocol *protocol, struct transport *transport)
{
    ((struct visitor *)protocol)->transport = transport;
}

static void data_received(struct protocol *protocol, const void *data, size_t size)
{
    struct visitor *self = (struct visitor *)protocol;
    begin_to_trust(self);
    if (framer_feed(&self->framer, data, size, obey, self) != 0)
        transport_close(self->transport);
}

static void released(struct protocol *protocol)
{
    struct visitor *self = (struct visitor *)protocol;
    void *transport = NULL;
    framer_clear(&self->framer);
    if (self->upgrading) {
        future_result(&self->upgraded, &transport);
        transport_release(transport);
        future_destroy(&self->upgraded);
    }
    free(self);
}

static const struct protocol_callbacks visitor_callbacks = {
    .connection_made = connection_made,
    .data_received = data_received,
    .released = released,
};

struct protocol *letterbox_protocol(void *letterbox)
{
    struct visitor *self = calloc(1, sizeof *self);
    if (self == NULL)
        return NULL;
    self->protocol.callbacks = &visitor_callbacks;
    self->letterbox = letterbox;
    framer_init_lines(&self->framer, LONGEST_LINE);
    return &self->protocol;
}
