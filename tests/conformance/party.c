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

static void data_received(struct protocol *protocol, const void *data, size_t size)
{
    struct party *party = party_of(protocol);
    party->received += size;
    party->checksum = adler32(party->checksum, data, size);
    party->count++;
    if (size > party->largest)
        party->largest = size;
    if (!party->block->quiet)
        emit("%s DR %s", party->thing.name, shown(data, size));
    hear(party, DATA, data, size);
}

static bool eof_received(struct protocol *protocol)
{
    struct party *party = party_of(protocol);
    party->kept = false;
    emit("%s EOF", party->thing.name);
    hear(party, END, NULL, 0);
    return party->kept;
}

static void connection_lost(struct protocol *protocol, const struct error *exc)
{
    struct party *party = party_of(protocol);
    emit("%s CL(%s)", party->thing.name, error_shown(exc));
    hear(party, LOST, NULL, 0);
}

static void released(struct protocol *protocol)
{
    party_of(protocol)->released++;
}

static const struct protocol_callbacks callbacks = {
    .connection_made = connection_made,
    .data_received = data_received,
    .eof_received = eof_received,
    .connection_lost = connection_lost,
    .released = released,
};

/* Finds the blocks of the protocol's callbacks: they follow its own. */
static void find_callbacks(struct party *party)
{
    static const char *const names[CALLBACK_KINDS] = {
        [MADE] = "connection_made", [DATA] = "data_received", [END] = "eof_received", [LOST] = "connection_lost"};
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
    party->protocol.callbacks = &callbacks;
    party->checksum = 1;
    party->block = scenario_block(run.scenario, 'P', name);
    if (party->block->flow)
        not_in_this_tree("flow");
    if (party->block->buffered)
        not_in_this_tree("buffered");
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
