/* Protocols of a scenario: they print what they hear, then do what the scenario says. */
#include "runner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct party *party_of(struct protocol *protocol)
{
    return (struct party *)((char *)protocol - offsetof(struct party, protocol));
}

static void hear(struct party *party, enum callback_kind kind, const void *data, size_t size)
{
    party->calls[kind]++;
    party->data = data;
    party->size = size;
    perform(party->callbacks[kind], party, party->calls[kind], data, size);
}

void party_attach(struct party *party, struct transport *transport)
{
    struct transport *before = party->transport;
    party->transport = transport_retain(transport);
    transport_release(before);
}

static void connection_made(struct protocol *protocol, struct transport *transport)
{
    struct party *party = party_of(protocol);
    party_attach(party, transport);
    emit("%s CM", party->thing.name);
    hear(party, MADE, NULL, 0);
}

static void account(struct party *party, const void *data, size_t size)
{
    party->received += size;
    party->checksum = adler32(party->checksum, data, size);
    party->count++;
    if (size > party->largest)
        party->largest = size;
}

static void data_received(struct protocol *protocol, const void *data, size_t size)
{
    struct party *party = party_of(protocol);
    account(party, data, size);
    if (!party->block->quiet)
        emit("%s DR %s", party->thing.name, shown(data, size));
    hear(party, DATA, data, size);
}

static void datagram_received(
    struct protocol *protocol, const void *data, size_t size, const struct address *from)
{
    struct party *party = party_of(protocol);
    (void)from;
    account(party, data, size);
    emit("%s DG %s", party->thing.name, shown(data, size));
    hear(party, DATAGRAM, data, size);
}

static void error_received(struct protocol *protocol, const struct error *exc)
{
    struct party *party = party_of(protocol);
    emit("%s ER(%s)", party->thing.name, error_shown(exc));
    hear(party, REFUSED, NULL, 0);
}

static bool eof_received(struct protocol *protocol)
{
    struct party *party = party_of(protocol);
    party->kept = false;
    emit("%s EOF", party->thing.name);
    hear(party, END, NULL, 0);
    return party->kept;
}

/* What await_lost and await_exit wait for. */
static void note_event(struct party *party, bool *what)
{
    *what = true;
    if (party->awaited == what)
        loop_stop(run.loop);
}

static void connection_lost(struct protocol *protocol, const struct error *exc)
{
    struct party *party = party_of(protocol);
    note_event(party, &party->over);
    emit("%s CL(%s)", party->thing.name, error_shown(exc));
    hear(party, LOST, NULL, 0);
}

static void pipe_data_received(struct protocol *protocol, int fd, const void *data, size_t size)
{
    struct party *party = party_of(protocol);
    account(party, data, size);
    if (!party->block->quiet)
        emit("%s PD(%d) %s", party->thing.name, fd, shown(data, size));
    hear(party, PIPE_DATA, data, size);
}

static void pipe_connection_lost(struct protocol *protocol, int fd, const struct error *exc)
{
    struct party *party = party_of(protocol);
    emit("%s PL(%d,%s)", party->thing.name, fd, error_shown(exc));
    hear(party, PIPE_LOST, NULL, 0);
}

static void process_exited(struct protocol *protocol)
{
    struct party *party = party_of(protocol);
    int returncode = 0;
    note_event(party, &party->exited);
    transport_get_returncode(party->transport, &returncode);
    emit("%s PX(%d)", party->thing.name, returncode);
    hear(party, EXITED, NULL, 0);
}

static void released(struct protocol *protocol)
{
    party_of(protocol)->released++;
}

static void pause_writing(struct protocol *protocol)
{
    struct party *party = party_of(protocol);
    emit("%s PW", party->thing.name);
    hear(party, PAUSED, NULL, 0);
}

static void resume_writing(struct protocol *protocol)
{
    struct party *party = party_of(protocol);
    emit("%s RW", party->thing.name);
    hear(party, RESUMED, NULL, 0);
}

static void *get_buffer(struct protocol *protocol, ptrdiff_t hint, size_t *size)
{
    struct party *party = party_of(protocol);
    party->offered = 65536;
    emit("%s GB(%td)", party->thing.name, hint);
    hear(party, ASKED, NULL, 0);
    *size = party->offered;
    return party->offer = keep(party->offered + 1);
}

static void buffer_updated(struct protocol *protocol, size_t size)
{
    struct party *party = party_of(protocol);
    account(party, party->offer, size);
    emit("%s BU(%zu)", party->thing.name, size);
    hear(party, UPDATED, party->offer, size);
}

/* What the scenario says of the protocol decides which of the callbacks it has. */
static void make_table(struct party *party)
{
    party->table = (struct protocol_callbacks){
        .connection_made = connection_made,
        .eof_received = eof_received,
        .connection_lost = connection_lost,
        .pipe_data_received = pipe_data_received,
        .pipe_connection_lost = pipe_connection_lost,
        .process_exited = process_exited,
        .released = released,
    };
    if (party->block->buffered) {
        party->table.get_buffer = get_buffer;
        party->table.buffer_updated = buffer_updated;
    } else {
        party->table.data_received = data_received;
    }
    if (party->block->datagrams) {
        party->table.datagram_received = datagram_received;
        party->table.error_received = error_received;
    }
    if (party->block->flow) {
        party->table.pause_writing = pause_writing;
        party->table.resume_writing = resume_writing;
    }
    party->protocol.callbacks = &party->table;
}

/* Protocols that receive lines. */

static void frames_made(struct frame_protocol *frames, struct transport *transport)
{
    connection_made(&frames->protocol, transport);
}

static void frames_line(struct frame_protocol *frames, const char *line, size_t size)
{
    struct party *party = party_of(&frames->protocol);
    emit("%s LINE %s", party->thing.name, shown(line, size));
    hear(party, LINE, line, size);
}

static void frames_lost(struct frame_protocol *frames, const struct error *exc)
{
    connection_lost(&frames->protocol, exc);
}

static void frames_released(struct frame_protocol *frames)
{
    released(&frames->protocol);
}

static void make_lines(struct party *party)
{
    static const struct frame_callbacks callbacks = {
        .connection_made = frames_made,
        .frame_received = frames_line,
        .connection_lost = frames_lost,
        .released = frames_released,
    };
    frame_protocol_init(&party->frames, &callbacks);
    framer_init_lines(&party->frames.framer, 65536);
}

/* Finds the blocks of the protocol's callbacks: they follow its own. */
static void find_callbacks(struct party *party)
{
    static const char *const names[CALLBACK_KINDS] = {
        [MADE] = "connection_made",
        [DATA] = "data_received",
        [END] = "eof_received",
        [LOST] = "connection_lost",
        [PAUSED] = "pause_writing",
        [RESUMED] = "resume_writing",
        [ASKED] = "get_buffer",
        [UPDATED] = "buffer_updated",
        [LINE] = "line_received",
        [DATAGRAM] = "datagram_received",
        [REFUSED] = "error_received",
        [PIPE_DATA] = "pipe_data_received",
        [PIPE_LOST] = "pipe_connection_lost",
        [EXITED] = "process_exited"};
    for (const struct block *block = party->block->next; block != NULL && block->kind == 'M'; block = block->next) {
        bool known = false;
        for (int kind = 0; kind < CALLBACK_KINDS; kind++)
            if (strcmp(names[kind], block->name) == 0) {
                party->callbacks[kind] = block;
                known = true;
            }
        if (!known)
            not_in_this_tree(block->name);
    }
}

struct party *party_get(const char *name)
{
    struct party *party = thing_find(PARTY, name);
    if (party != NULL)
        return party;
    party = thing_new(PARTY, name, sizeof *party);
    party->checksum = 1;
    party->block = scenario_block(run.scenario, 'P', name);
    if (party->block->lines)
        make_lines(party);
    else
        make_table(party);
    find_callbacks(party);
    return party;
}

struct maker *maker_for(const char *name, struct operation *operation)
{
    struct maker *maker = thing_new(MAKER, keep_text("%s of %s", name, operation->thing.name), sizeof *maker);
    maker->block = scenario_block(run.scenario, 'F', name);
    maker->makes = maker->block != NULL ? maker->block->detail : name;
    maker->operation = operation;
    struct maker *counter = thing_new(MAKER, name, sizeof *counter); /* counts for all operations together */
    if (counter->runs == NULL)
        counter->runs = keep(sizeof *counter->runs);
    maker->runs = counter->runs;
    maker->thing.name = name;
    return maker;
}

static struct party *new_party(const char *makes)
{
    size_t stem = strlen(makes) - 1;
    if (makes[stem] != '*')
        return party_get(makes);
    int number = 1;
    while (thing_find(PARTY, keep_text("%.*s%d", (int)stem, makes, number)) != NULL)
        number++;
    return party_get(keep_text("%.*s%d", (int)stem, makes, number));
}

struct protocol *make_protocol(void *context)
{
    struct maker *maker = context;
    if (maker->block != NULL) {
        ++*maker->runs;
        emit("%s #%d", maker->thing.name, *maker->runs);
        run.failing = false;
        perform(maker->block, NULL, *maker->runs, NULL, 0);
        if (run.failing) {
            run.failing = false;
            maker->operation->factory_failed = true;
            return NULL;
        }
    }
    struct party *party = new_party(maker->makes);
    party->handed++;
    return &party->protocol;
}

bool party_raise(const struct word *word)
{
    if (run.performing == NULL)
        return false;
    struct error *error = make_error(word);
    transport_fail(run.performing->transport, error);
    error_release(error);
    return true;
}
