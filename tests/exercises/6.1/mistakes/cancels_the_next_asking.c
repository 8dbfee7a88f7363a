/* Asks questions over UDP until they are answered, or until enough is enough. */
#include "asker.h"
#include "protocol.h"
#include "transport.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct asker_protocol {
    struct protocol protocol;
    struct asker *asker;
};

static void end_question(struct question *question, const char *answer, size_t size)
{
    struct question **place = &question->asker->first;
    while (*place != question)
        place = &(*place)->next;
    *place = question->next;
    question->done(question, answer, size);
    timer_handle_cancel(&question->again);
}

static void send_question(struct question *question)
{
    struct transport *transport = question->asker->transport;
    char text[440];
    int size = snprintf(text, sizeof text, "%lu %.400s", question->number, question->text);
    loop_call_later(transport_get_loop(transport), question->wait, &question->again);
    question->wait *= 2;
    question->sent++;
    transport_sendto(transport, text, (size_t)size, NULL);
}

static void no_answer(void *context)
{
    struct question *question = context;
    if (question->sent < question->asker->tries)
        send_question(question);
    else
        end_question(question, NULL, 0);
}

int asker_ask(struct asker *asker, struct question *question)
{
    struct question **place = &asker->first;
    if (asker->transport == NULL || transport_is_closing(asker->transport))
        return -ENOTCONN;
    while (*place != NULL)
        place = &(*place)->next;
    *place = question;
    question->next = NULL;
    question->asker = asker;
    question->number = ++asker->last_number;
    question->wait = asker->wait;
    question->sent = 0;
    timer_handle_init(&question->again, no_answer, question);
    send_question(question);
    return 0;
}

static size_t read_number(const char *text, size_t size, unsigned long *number)
{
    size_t digits = 0;
    *number = 0;
    while (digits < size && digits < 9 && text[digits] >= '0' && text[digits] <= '9')
        *number = *number * 10 + (unsigned long)(text[digits++] - '0');
    return digits;
}

static void datagram_received(
    struct protocol *protocol, const void *data, size_t size, const struct address *from)
{
    const struct asker *asker = ((struct asker_protocol *)protocol)->asker;
    const char *text = data;
    unsigned long number;
    size_t digits = read_number(text, size, &number);
    (void)from;
    if (digits == 0 || digits == size || text[digits] != ' ')
        return;
    struct question *question = asker->first;
    while (question != NULL && question->number != number)
        question = question->next;
    if (question != NULL)
        end_question(question, text + digits + 1, size - digits - 1);
}

static void connection_made(struct protocol *protocol, struct transport *transport)
{
    ((struct asker_protocol *)protocol)->asker->transport = transport;
}

static void connection_lost(struct protocol *protocol, const struct error *exc)
{
    struct asker *asker = ((struct asker_protocol *)protocol)->asker;
    (void)exc;
    asker->transport = NULL;
    while (asker->first != NULL)
        end_question(asker->first, NULL, 0);
}

static void released(struct protocol *protocol)
{
    struct asker *asker = ((struct asker_protocol *)protocol)->asker;
    for (struct question *question = asker->first; question != NULL; question = question->next)
        timer_handle_cancel(&question->again);
    asker->transport = NULL;
    asker->first = NULL;
    free(protocol);
}

static const struct protocol_callbacks callbacks = {
    .connection_made = connection_made,
    .datagram_received = datagram_received,
    .connection_lost = connection_lost,
    .released = released,
};

struct protocol *asker_protocol(void *asker)
{
    struct asker_protocol *self = calloc(1, sizeof *self);
    if (self == NULL)
        return NULL;
    self->protocol.callbacks = &callbacks;
    self->asker = asker;
    return &self->protocol;
}
