/* The verbs of the loop, of futures, transports, servers and connections. */
#include "runner.h"

#include <errno.h>
#include <netdb.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

static const double clock_start = 1024.0;
static const double clock_surplus = 1e-6;

/* ---- what a refusal means */

static bool one_of(const char *verb, const char *const *list)
{
    for (; *list != NULL; list++)
        if (strcmp(*list, verb) == 0)
            return true;
    return false;
}

static const char *refusal(const char *verb, int code)
{
    static const char *const watching[] = {"add_reader", "add_writer", "remove_reader", "remove_writer", NULL};
    static const char *const signals[] = {"add_signal_handler", "remove_signal_handler", NULL};
    static const char *const serving[] = {"start_serving", "serve_forever", "wait_closed", NULL};
    bool watches = one_of(verb, watching), handles = one_of(verb, signals), serves = one_of(verb, serving);
    switch (-code) {
    case EBADF:
        if (serves)
            return "server is closed";
        return watches && !loop_is_closed(run.loop) ? "bad descriptor" : "loop is closed";
    case EBUSY:
        return watches ? "descriptor of a transport" : serves ? "served already"
                                                              : "loop is running";
    case EINVAL:
        return handles ? "bad signal" : "bad argument";
    case EINTR:
        return "stopped before it completed";
    case EALREADY:
        return "done already";
    case EAGAIN:
        return "not done yet";
    case EPERM:
        return "regular file";
    case EPIPE:
        return "after write_eof";
    case ENOTSUP:
        return "unsupported";
    default:
        return errno_name(-code);
    }
}

/* Says so when the call was refused; else returns what it returned. */
int attempt(const char *verb, int result)
{
    if (result < 0)
        emit("%s refused: %s", verb, refusal(verb, result));
    return result;
}

/* ---- arguments */

const char *option(const struct action *action, const char *name)
{
    size_t length = strlen(name);
    for (size_t i = 0; i < action->count; i++) {
        const struct word *word = &action->words[i];
        if (!word->is_text && strncmp(word->text, name, length) == 0 && word->text[length] == '=')
            return word->text + length + 1;
    }
    return NULL;
}

static bool is_option(const struct word *word)
{
    size_t name = word->is_text ? 0 : strspn(word->text, "abcdefghijklmnopqrstuvwxyz_");
    return name > 0 && word->text[name] == '=';
}

size_t operands(const struct action *action)
{
    size_t count = 0;
    while (count < action->count && !is_option(&action->words[count]))
        count++;
    return count;
}

const char *word(const struct action *action, size_t index)
{
    return index < operands(action) ? action->words[index].text : NULL;
}

struct party *target(const struct action *action)
{
    return strcmp(word(action, 0), "self") == 0 ? run.performing : party_get(word(action, 0));
}

static struct transport *transport_of(const struct action *action)
{
    return target(action)->transport;
}

/* ---- blocks */

static void act(const struct action *action)
{
    static const struct verb *const tables[] = {loop_verbs, peer_verbs, child_verbs, tls_verbs};
    for (size_t table = 0; table < sizeof tables / sizeof *tables; table++)
        for (const struct verb *verb = tables[table]; verb->name != NULL; verb++)
            if (strcmp(verb->name, action->verb) == 0) {
                verb->function(action);
                return;
            }
    not_in_this_tree(action->verb);
}

void perform(const struct block *block, struct party *party, int call, const void *data, size_t size)
{
    if (block == NULL)
        return;
    struct party *before = run.performing;
    run.performing = party;
    for (const struct action *action = block->actions; action != NULL; action = action->next) {
        if (call < action->first || (action->last != 0 && call > action->last))
            continue;
        const struct word *only = action->only;
        if (only != NULL && (only->size != size || memcmp(only->text, data, size) != 0))
            continue;
        act(action);
        if (strcmp(action->verb, "raise") == 0 || strcmp(action->verb, "fail") == 0)
            break;
    }
    run.performing = before;
}

static struct callback *callback_get(const char *name)
{
    struct callback *callback = thing_new(CALLBACK, name, sizeof *callback);
    callback->block = scenario_block(run.scenario, 'C', name);
    return callback;
}

void run_callback(void *context)
{
    struct callback *callback = context;
    callback->runs++;
    if (!callback->block->quiet)
        emit("%s", callback->thing.name);
    perform(callback->block, NULL, callback->runs, NULL, 0);
}

static struct call *new_call(const struct action *action, size_t index)
{
    struct callback *callback = callback_get(word(action, index));
    struct call *call = keep(sizeof *call);
    timer_handle_init(&call->timer, run_callback, callback);
    callback->latest = call;
    return call;
}

void run_scenario(const struct scenario *scenario)
{
    for (const struct block *block = scenario->blocks; block != NULL; block = block->next)
        if (block->kind == 'X')
            perform(block, NULL, 1, NULL, 0);
}

/* ---- the loop */

static void verb_print(const struct action *action)
{
    char text[512] = "";
    for (size_t i = 0; i < action->count; i++) {
        size_t used = strlen(text);
        snprintf(text + used, sizeof text - used, "%s%s", i > 0 ? " " : "", action->words[i].text);
    }
    emit("%s", text);
}

static void verb_call_soon(const struct action *action)
{
    attempt("call_soon", loop_call_soon(run.loop, &new_call(action, 0)->timer.handle));
}

static void verb_call_soon_threadsafe(const struct action *action)
{
    attempt("call_soon_threadsafe", loop_call_soon_threadsafe(run.loop, &new_call(action, 0)->timer.handle));
}

static void verb_call_later(const struct action *action)
{
    struct call *call = new_call(action, 1);
    call->is_timer = true;
    attempt("call_later", loop_call_later(run.loop, atof(word(action, 0)), &call->timer));
}

static void verb_call_at(const struct action *action)
{
    struct call *call = new_call(action, 1);
    call->is_timer = true;
    attempt("call_at", loop_call_at(run.loop, clock_start + atof(word(action, 0)), &call->timer));
}

static void verb_cancel(const struct action *action)
{
    struct call *call = callback_get(word(action, 0))->latest;
    if (call->is_timer)
        timer_handle_cancel(&call->timer);
    else
        handle_cancel(&call->timer.handle);
}

static void verb_stop(const struct action *action)
{
    (void)action;
    loop_stop(run.loop);
}

static void verb_run(const struct action *action)
{
    (void)action;
    attempt("run", loop_run_forever(run.loop));
}

static void verb_pass(const struct action *action)
{
    int count = operands(action) > 0 ? atoi(word(action, 0)) : 1;
    for (int i = 0; i < count; i++) {
        carry();
        one_pass();
    }
}

static void verb_settle(const struct action *action)
{
    (void)action;
    settle();
}

static void verb_carry(const struct action *action)
{
    (void)action;
    carry();
}

static void verb_move_clock(const struct action *action)
{
    run.now += atof(word(action, 0)) + clock_surplus;
}

static void verb_advance(const struct action *action)
{
    verb_move_clock(action);
    settle();
}

static void verb_close_loop(const struct action *action)
{
    (void)action;
    attempt("close_loop", loop_close(run.loop));
}

static void verb_add_reader(const struct action *action)
{
    attempt("add_reader",
        loop_add_reader(run.loop, descriptor_of(word(action, 0)), &new_call(action, 1)->timer.handle));
}

static void verb_add_writer(const struct action *action)
{
    attempt("add_writer",
        loop_add_writer(run.loop, descriptor_of(word(action, 0)), &new_call(action, 1)->timer.handle));
}

static void removed(const char *verb, int result)
{
    if (attempt(verb, result) >= 0)
        emit("%s: %s", verb, result > 0 ? "yes" : "no");
}

static void verb_remove_reader(const struct action *action)
{
    removed("remove_reader", loop_remove_reader(run.loop, descriptor_of(word(action, 0))));
}

static void verb_remove_writer(const struct action *action)
{
    removed("remove_writer", loop_remove_writer(run.loop, descriptor_of(word(action, 0))));
}

static void verb_add_signal_handler(const struct action *action)
{
    attempt("add_signal_handler",
        loop_add_signal_handler(run.loop, atoi(word(action, 0)), run_callback, callback_get(word(action, 1))));
}

static void verb_remove_signal_handler(const struct action *action)
{
    removed("remove_signal_handler", loop_remove_signal_handler(run.loop, atoi(word(action, 0))));
}

static void verb_kill(const struct action *action)
{
    kill(getpid(), atoi(word(action, 0)));
}

static void *thread_body(void *context)
{
    struct named_thread *thread = context;
    if (thread->idle)
        sem_wait(&run.idle);
    for (const struct action *action = thread->block->actions; action != NULL; action = action->next)
        act(action);
    return NULL;
}

static void verb_start(const struct action *action)
{
    struct named_thread *thread = thing_new(THREAD, word(action, 0), sizeof *thread);
    thread->block = scenario_block(run.scenario, 'T', word(action, 0));
    thread->idle = operands(action) > 1;
    while (sem_trywait(&run.idle) == 0)
        continue;
    if (pthread_create(&thread->thread, NULL, thread_body, thread) != 0)
        _exit(2);
}

static void verb_join(const struct action *action)
{
    struct named_thread *thread = thing_get(THREAD, word(action, 0));
    pthread_join(thread->thread, NULL);
}

/* ---- futures */

static struct future *future_of(const struct action *action, size_t index)
{
    return &((struct named_future *)thing_get(FUTURE, word(action, index)))->future;
}

static void verb_future(const struct action *action)
{
    struct named_future *named = thing_new(FUTURE, word(action, 0), sizeof *named);
    future_init(&named->future, run.loop);
}

static void verb_set_result(const struct action *action)
{
    attempt("set_result", future_set_result(future_of(action, 0), keep_text("%s", word(action, 1))));
}

static void verb_set_exception(const struct action *action)
{
    struct error *error = make_error(&action->words[1]);
    attempt("set_exception", future_set_exception(future_of(action, 0), error));
    error_release(error);
}

static void verb_cancel_future(const struct action *action)
{
    emit("cancel_future: %s", future_cancel(future_of(action, 0)) ? "yes" : "no");
}

static void verb_add_done_callback(const struct action *action)
{
    struct handle *handle = keep(sizeof *handle);
    handle_init(handle, run_callback, callback_get(word(action, 1)));
    attempt("add_done_callback", future_add_done_callback(future_of(action, 0), handle));
}

static void verb_remove_done_callback(const struct action *action)
{
    emit("remove_done_callback: %zu",
        (size_t)future_remove_done_callback(future_of(action, 0), run_callback, callback_get(word(action, 1))));
}

static void verb_drop(const struct action *action)
{
    struct named_future *named = thing_get(FUTURE, word(action, 0));
    future_destroy(&named->future);
    named->dropped = true;
}

static void verb_run_until_complete(const struct action *action)
{
    struct future *future = future_of(action, 0);
    int code = loop_run_until_complete(run.loop, future);
    if (code < 0) {
        attempt("run_until_complete", code);
        return;
    }
    void *result = NULL;
    if (future_cancelled(future))
        emit("run_until_complete raised cancelled");
    else if (future_result(future, &result) == 0)
        emit("run_until_complete returned %s", (const char *)result);
    else
        emit("run_until_complete raised %s", error_shown(future_exception(future)));
}

/* ---- transports */

void *payload(const struct word *data, size_t *size)
{
    *size = data->is_text ? data->size : (size_t)atol(data->text);
    char *bytes = keep(*size + 1);
    if (data->is_text)
        memcpy(bytes, data->text, *size);
    else
        for (size_t i = 0; i < *size; i++)
            bytes[i] = (char)(unsigned char)(i % 251);
    return bytes;
}

static void verb_write(const struct action *action)
{
    size_t size;
    const void *data = payload(&action->words[1], &size);
    attempt("write", transport_write(transport_of(action), data, size));
}

static void verb_writelines(const struct action *action)
{
    struct iovec buffers[16];
    size_t count = 0;
    for (size_t i = 1; i < action->count; i++)
        buffers[count++] = (struct iovec){
            .iov_base = keep_text("%s", action->words[i].text), .iov_len = action->words[i].size};
    attempt("writelines", transport_writelines(transport_of(action), buffers, count));
}

static void verb_write_eof(const struct action *action)
{
    attempt("write_eof", transport_write_eof(transport_of(action)));
}

static void verb_close(const struct action *action)
{
    transport_close(transport_of(action));
}

static void verb_abort(const struct action *action)
{
    transport_abort(transport_of(action));
}

static void verb_set_protocol(const struct action *action)
{
    struct party *next = party_get(word(action, 1));
    struct transport *transport = transport_of(action);
    party_attach(next, transport);
    if (transport_get_protocol(transport) != &next->protocol)
        next->handed++;
    transport_set_protocol(transport, &next->protocol);
}

static void verb_pause_reading(const struct action *action)
{
    transport_pause_reading(transport_of(action));
}

static void verb_resume_reading(const struct action *action)
{
    transport_resume_reading(transport_of(action));
}

/* A number, or how much waits now and so many more or less. */
static ptrdiff_t limit_of(const struct action *action, const char *name)
{
    const char *text = option(action, name);
    if (text == NULL)
        return LIMIT_DEFAULT;
    if (strncmp(text, "size", 4) != 0)
        return atol(text);
    return (ptrdiff_t)transport_get_write_buffer_size(transport_of(action)) + atol(text + 4);
}

static void verb_set_write_buffer_limits(const struct action *action)
{
    attempt("set_write_buffer_limits",
        transport_set_write_buffer_limits(transport_of(action), limit_of(action, "high"), limit_of(action, "low")));
}

static void verb_offer(const struct action *action)
{
    run.performing->offered = (size_t)atol(word(action, 0));
}

static void verb_forward(const struct action *action)
{
    struct party *from = run.performing;
    transport_write(party_get(word(action, 0))->transport, from->data, from->size);
}

/* Where Python raises: a protocol gives its transport up, a callback of the loop tells the exception handler. */
static void verb_raise(const struct action *action)
{
    if (party_raise(&action->words[0]))
        return;
    struct error *error = make_error(&action->words[0]);
    struct exception_context told = {.message = "Exception in callback", .exception = error};
    loop_call_exception_handler(run.loop, &told);
    error_release(error);
}

static void verb_keep(const struct action *action)
{
    (void)action;
    run.performing->kept = true;
}

static void verb_fail(const struct action *action)
{
    (void)action;
    run.failing = true;
}

/* ---- servers and connections */

static void operation_ended(void *context)
{
    struct operation *operation = context;
    operation->ended = true;
    void *result = NULL;
    const char *name = operation->thing.name;
    if (future_cancelled(&operation->done)) {
        emit("%s cancelled", name);
    } else if (future_result(&operation->done, &result) == 0) {
        if (operation->is_server)
            operation->server = result;
        if (operation->is_connection)
            operation->transport = result;
        if (operation->upgraded != NULL)
            party_attach(operation->upgraded, result);
        if (!operation->quiet)
            emit("%s returned", name);
    } else if (operation->factory_failed) {
        (void)future_exception(&operation->done);
        emit("%s raised factory failure", name);
    } else {
        const struct error *error = future_exception(&operation->done);
        if (operation->is_pipe)
            operation->given->given = false; /* it was not taken over */
        emit("%s raised %s \"%s\"", name, error_shown(error), error->text);
    }
    if (operation->server != NULL) {
        const int *fds = NULL;
        size_t count = server_sockets(operation->server, &fds);
        for (size_t i = 0; i < count; i++)
            know_port(fds[i], i == 0 ? name : keep_text("%s/%zu", name, i));
    }
    if (operation->awaited)
        loop_stop(run.loop);
}

struct operation *begin(const char *name)
{
    struct operation *operation = thing_new(OPERATION, name, sizeof *operation);
    future_init(&operation->done, run.loop);
    handle_init(&operation->handle, operation_ended, operation);
    return operation;
}

void begun(struct operation *operation, const char *verb, int result)
{
    if (result < 0) {
        operation->ended = true;
        if (operation->given != NULL)
            operation->given->given = false;
        emit("%s refused: %s", operation->thing.name, refusal(verb, result));
        return;
    }
    future_add_done_callback(&operation->done, &operation->handle);
}

/* The socket of a peer, which the library takes over unless the call is refused. */
const int *give(struct operation *operation, const char *name)
{
    if (name == NULL)
        return NULL;
    operation->given = thing_get(PEER, name);
    operation->given->given = true;
    return &operation->given->fd;
}

static int family_of(const struct action *action)
{
    const char *family = option(action, "family");
    return family == NULL ? AF_UNSPEC : strcmp(family, "4") == 0 ? AF_INET
                                                                 : AF_INET6;
}

static enum option choice(const struct action *action, const char *name)
{
    const char *value = option(action, name);
    return value == NULL ? OPTION_DEFAULT : strcmp(value, "yes") == 0 ? OPTION_ON
                                                                      : OPTION_OFF;
}

static struct server_options server_options(const struct action *action, struct operation *operation)
{
    struct server_options options = {
        .family = family_of(action),
        .sock = give(operation, option(action, "sock")),
        .backlog = option(action, "backlog") != NULL ? atoi(option(action, "backlog")) : 0,
        .reuse_address = choice(action, "reuse_address"),
        .reuse_port = choice(action, "reuse_port"),
        .start_serving = choice(action, "start_serving"),
        .tls = context_of(action),
        .tls_handshake_timeout = seconds_of(action, "handshake_timeout"),
        .tls_shutdown_timeout = seconds_of(action, "shutdown_timeout"),
    };
    return options;
}

static const char *host_of(const char *host)
{
    return host != NULL && strcmp(host, "all") == 0 ? "" : host;
}

static const char *const *hosts_of(const char *list)
{
    if (list == NULL)
        return NULL;
    const char **hosts = keep(8 * sizeof *hosts);
    char *rest = keep_text("%s", list);
    for (size_t i = 0; i < 7 && rest != NULL; i++) {
        hosts[i] = rest;
        rest = strchr(rest, ',');
        if (rest != NULL)
            *rest++ = '\0';
    }
    return hosts;
}

static void verb_create_server(const struct action *action)
{
    struct operation *operation = begin(word(action, 0));
    operation->is_server = true;
    struct server_options options = server_options(action, operation);
    options.hosts = hosts_of(option(action, "hosts"));
    int port = option(action, "port") != NULL ? port_of(option(action, "port")) : 0;
    begun(operation, "create_server",
        loop_create_server(run.loop, &operation->done, make_protocol, maker_for(word(action, 1), operation),
            host_of(option(action, "host")), port, &options));
}

static void verb_create_unix_server(const struct action *action)
{
    struct operation *operation = begin(word(action, 0));
    operation->is_server = true;
    struct server_options options = server_options(action, operation);
    const char *path = option(action, "path");
    begun(operation, "create_unix_server",
        loop_create_unix_server(run.loop, &operation->done, make_protocol, maker_for(word(action, 1), operation),
            path != NULL ? path_of(path) : NULL, &options));
}

static struct server *server_of(const char *name)
{
    return ((struct operation *)thing_get(OPERATION, name))->server;
}

static void verb_start_serving(const struct action *action)
{
    attempt("start_serving", server_start_serving(server_of(word(action, 0))));
}

static void verb_serve_forever(const struct action *action)
{
    struct operation *operation = begin(word(action, 0));
    begun(operation, "serve_forever", server_serve_forever(server_of(word(action, 1)), &operation->done));
}

static void verb_wait_closed(const struct action *action)
{
    struct operation *operation = begin(word(action, 0));
    begun(operation, "wait_closed", server_wait_closed(server_of(word(action, 1)), &operation->done));
}

static void verb_close_server(const struct action *action)
{
    server_close(server_of(word(action, 0)));
}

static struct connection_options connection_options(const struct action *action, struct operation *operation)
{
    const char *happy = option(action, "happy"), *interleave = option(action, "interleave");
    const char *local_port = option(action, "local_port");
    struct connection_options options = {
        .family = family_of(action),
        .sock = give(operation, option(action, "sock")),
        .local_host = option(action, "local"),
        .local_port = local_port != NULL ? port_of(local_port) : 0,
        .happy_eyeballs_delay = happy != NULL ? atof(happy) : 0,
        .interleave = interleave != NULL ? atoi(interleave) : 0,
        .tls = context_of(action),
        .server_hostname = option(action, "server_hostname"),
        .tls_handshake_timeout = seconds_of(action, "handshake_timeout"),
        .tls_shutdown_timeout = seconds_of(action, "shutdown_timeout"),
    };
    return options;
}

/* The host of an address, as text. */
static const char *host_at(const char *name)
{
    struct address address;
    char text[128];
    address_of_socket(listener_of(name), &address);
    address_format(&address, text, sizeof text);
    char *host = text + strcspn(text, "'") + 1;
    return keep_text("%.*s", (int)strcspn(host, "'"), host);
}

static void verb_create_connection(const struct action *action)
{
    struct operation *operation = begin(word(action, 0));
    operation->is_connection = true;
    struct connection_options options = connection_options(action, operation);
    const char *to = option(action, "to"), *port = option(action, "port");
    const char *host = to != NULL ? host_at(to) : option(action, "host");
    int number = to != NULL ? port_of(to) : port != NULL ? port_of(port)
                                                         : 0;
    begun(operation, "create_connection",
        loop_create_connection(run.loop, &operation->done, make_protocol, maker_for(word(action, 1), operation), host,
            number, &options));
}

static void verb_create_unix_connection(const struct action *action)
{
    struct operation *operation = begin(word(action, 0));
    operation->is_connection = true;
    struct connection_options options = connection_options(action, operation);
    const char *path = option(action, "path");
    begun(operation, "create_unix_connection",
        loop_create_unix_connection(run.loop, &operation->done, make_protocol, maker_for(word(action, 1), operation),
            path != NULL ? path_of(path) : NULL, &options));
}

static void verb_connect_accepted_socket(const struct action *action)
{
    struct operation *operation = begin(word(action, 0));
    operation->is_connection = true;
    const int *fd = give(operation, word(action, 2));
    struct connection_options options = {
        .tls = context_of(action),
        .tls_handshake_timeout = seconds_of(action, "handshake_timeout"),
        .tls_shutdown_timeout = seconds_of(action, "shutdown_timeout"),
    };
    begun(operation, "connect_accepted_socket",
        loop_connect_accepted_socket(run.loop, &operation->done, make_protocol, maker_for(word(action, 1), operation),
            *fd, &options));
}

/* A transport for the protocol at one end of a pair, a raw socket at the other. */
static void verb_link(const struct action *action)
{
    int pair[2];
    quick_pair(word(action, 2), word(action, 3), pair);
    struct peer *peer = thing_new(PEER, word(action, 1), sizeof *peer);
    peer->fd = pair[1];
    peer->open = true;
    know_port(pair[1], peer->thing.name);
    know_port(pair[0], word(action, 0));
    struct operation *operation = begin(keep_text("link of %s", word(action, 0)));
    operation->is_connection = operation->quiet = true;
    struct connection_options options = {.sock = &pair[0]};
    begun(operation, "link",
        loop_create_connection(run.loop, &operation->done, make_protocol, maker_for(word(action, 0), operation),
            NULL, 0,
            &options));
    while (!operation->ended)
        one_pass();
}

/* The peer of an endpoint: a socket at that host, any port. */
static int bound_datagrams(const char *host, struct address *here)
{
    *here = (struct address){.size = sizeof here->of.in};
    here->of.in = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    if (strchr(host, ':') != NULL) {
        here->size = sizeof here->of.in6;
        here->of.in6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    }
    int fd = socket(here->of.any.sa_family, SOCK_DGRAM, 0);
    if (bind(fd, &here->of.any, here->size) < 0 || address_of_socket(fd, here) != 0)
        emit("bind: %s", errno_name(errno));
    return fd;
}

/* A datagram transport for the protocol, a raw socket at the other end. */
static void verb_endpoint(const struct action *action)
{
    const char *connected = option(action, "connected"), *host = option(action, "host");
    bool is_unix = option(action, "family") != NULL && strcmp(option(action, "family"), "unix") == 0;
    int pair[2] = {-1, -1};
    struct address here;
    host = host != NULL ? host : "127.0.0.1";
    if (!is_unix)
        pair[1] = bound_datagrams(host, &here);
    else if (socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) < 0)
        emit("socketpair: %s", errno_name(errno));
    if (is_unix) {
        here.of.un = (struct sockaddr_un){.sun_family = AF_UNIX};
        snprintf(here.of.un.sun_path, sizeof here.of.un.sun_path, "%s/%s", run.directory, word(action, 1));
        if (bind(pair[1], &here.of.any, sizeof here.of.un) < 0)
            emit("bind: %s", errno_name(errno));
    }
    struct peer *peer = thing_new(PEER, word(action, 1), sizeof *peer);
    peer->fd = pair[1];
    peer->open = true;
    know_port(peer->fd, peer->thing.name);
    struct datagram_options options = {.local_host = is_unix ? NULL : host, .sock = is_unix ? &pair[0] : NULL};
    if (!is_unix)
        address_copy(&peer->address, &here);
    if (connected != NULL && strcmp(connected, "yes") == 0) {
        options.remote_host = host;
        options.remote_port = ntohs(strchr(host, ':') != NULL ? here.of.in6.sin6_port : here.of.in.sin_port);
    }
    struct operation *operation = begin(keep_text("endpoint of %s", word(action, 0)));
    operation->is_connection = operation->quiet = true;
    begun(operation, "endpoint",
        loop_create_datagram_endpoint(run.loop, &operation->done, make_protocol,
            maker_for(word(action, 0), operation), &options));
    while (!operation->ended)
        one_pass();
    const int *fd = transport_get_extra_info(party_get(word(action, 0))->transport, "socket");
    know_port(*fd, word(action, 0));
    if (!is_unix && (address_of_socket(*fd, &here) != 0 || connect(peer->fd, &here.of.any, here.size) < 0))
        emit("connect: %s", errno_name(errno));
}

static int port_option(const struct action *action, const char *name)
{
    return option(action, name) != NULL ? port_of(option(action, name)) : 0;
}

static void verb_create_endpoint(const struct action *action)
{
    struct operation *operation = begin(word(action, 0));
    operation->is_connection = true;
    struct datagram_options options = {
        .local_host = host_of(option(action, "host")),
        .local_port = port_option(action, "port"),
        .remote_host = host_of(option(action, "remote")),
        .remote_port = port_option(action, "remote_port"),
        .family = family_of(action),
        .sock = give(operation, option(action, "sock")),
        .reuse_port = choice(action, "reuse_port") == OPTION_ON,
        .allow_broadcast = choice(action, "broadcast") == OPTION_ON,
    };
    begun(operation, "create_endpoint",
        loop_create_datagram_endpoint(run.loop, &operation->done, make_protocol,
            maker_for(word(action, 1), operation), &options));
}

static void verb_mailbox(const struct action *action)
{
    struct address here;
    struct peer *peer = thing_new(PEER, word(action, 0), sizeof *peer);
    peer->fd = bound_datagrams("127.0.0.1", &here);
    peer->open = true;
    address_copy(&peer->address, &here);
    know_port(peer->fd, peer->thing.name);
}

static void verb_speak_to(const struct action *action)
{
    const struct peer *peer = thing_get(PEER, word(action, 0));
    const int *fd = transport_get_extra_info(party_get(word(action, 1))->transport, "socket");
    struct address there;
    know_port(*fd, word(action, 1));
    if (address_of_socket(*fd, &there) == 0)
        there.of.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(peer->fd, &there.of.any, there.size) < 0)
        emit("connect: %s", errno_name(errno));
}

static void verb_sendto(const struct action *action)
{
    size_t size;
    const char *to = option(action, "to");
    const void *data = payload(&action->words[1], &size);
    struct address address = {.size = sizeof address.of.in};
    address.of.in = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(9)};
    address.of.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK | 0xffffff); /* everybody on the loopback net */
    if (to != NULL && strcmp(to, "everybody") != 0)
        address = ((struct peer *)thing_get(PEER, to))->address;
    attempt("sendto", transport_sendto(transport_of(action), data, size, to == NULL ? NULL : &address));
}

/* Until one has to wait here: the socket takes no more. */
static void verb_sendto_until_full(const struct action *action)
{
    size_t size;
    const void *data = payload(&action->words[1], &size);
    while (transport_get_write_buffer_size(transport_of(action)) == 0)
        transport_sendto(transport_of(action), data, size, NULL);
}

static void verb_count_datagrams(const struct action *action)
{
    static char data[65536];
    const struct peer *peer = thing_get(PEER, word(action, 0));
    size_t count = 0;
    for (; recv(peer->fd, data, sizeof data, MSG_DONTWAIT) >= 0; count++)
        one_pass();
    settle();
    emit("%s got %zu datagrams", peer->thing.name, count);
}

static void verb_await(const struct action *action)
{
    for (size_t i = 0; i < operands(action); i++) {
        struct operation *operation = thing_get(OPERATION, word(action, i));
        operation->awaited = true;
        if (!operation->ended)
            loop_run_forever(run.loop);
        operation->awaited = false;
    }
}

static void verb_cancel_op(const struct action *action)
{
    struct operation *operation = thing_get(OPERATION, word(action, 0));
    if (!operation->ended)
        future_cancel(&operation->done);
}

const struct verb loop_verbs[] = {
    {"print", verb_print},
    {"show", verb_show},
    {"call_soon", verb_call_soon},
    {"call_soon_threadsafe", verb_call_soon_threadsafe},
    {"call_later", verb_call_later},
    {"call_at", verb_call_at},
    {"cancel", verb_cancel},
    {"stop", verb_stop},
    {"run", verb_run},
    {"run_until_complete", verb_run_until_complete},
    {"pass", verb_pass},
    {"settle", verb_settle},
    {"carry", verb_carry},
    {"advance", verb_advance},
    {"move_clock", verb_move_clock},
    {"close_loop", verb_close_loop},
    {"add_reader", verb_add_reader},
    {"add_writer", verb_add_writer},
    {"remove_reader", verb_remove_reader},
    {"remove_writer", verb_remove_writer},
    {"add_signal_handler", verb_add_signal_handler},
    {"remove_signal_handler", verb_remove_signal_handler},
    {"kill", verb_kill},
    {"start", verb_start},
    {"join", verb_join},
    {"future", verb_future},
    {"set_result", verb_set_result},
    {"set_exception", verb_set_exception},
    {"cancel_future", verb_cancel_future},
    {"add_done_callback", verb_add_done_callback},
    {"remove_done_callback", verb_remove_done_callback},
    {"drop", verb_drop},
    {"link", verb_link},
    {"endpoint", verb_endpoint},
    {"create_endpoint", verb_create_endpoint},
    {"mailbox", verb_mailbox},
    {"speak_to", verb_speak_to},
    {"sendto", verb_sendto},
    {"sendto_until_full", verb_sendto_until_full},
    {"count_datagrams", verb_count_datagrams},
    {"write", verb_write},
    {"writelines", verb_writelines},
    {"write_eof", verb_write_eof},
    {"close", verb_close},
    {"abort", verb_abort},
    {"set_protocol", verb_set_protocol},
    {"pause_reading", verb_pause_reading},
    {"resume_reading", verb_resume_reading},
    {"set_write_buffer_limits", verb_set_write_buffer_limits},
    {"offer", verb_offer},
    {"forward", verb_forward},
    {"raise", verb_raise},
    {"keep", verb_keep},
    {"fail", verb_fail},
    {"create_server", verb_create_server},
    {"create_unix_server", verb_create_unix_server},
    {"start_serving", verb_start_serving},
    {"serve_forever", verb_serve_forever},
    {"wait_closed", verb_wait_closed},
    {"close_server", verb_close_server},
    {"create_connection", verb_create_connection},
    {"create_unix_connection", verb_create_unix_connection},
    {"connect_accepted_socket", verb_connect_accepted_socket},
    {"await", verb_await},
    {"cancel_op", verb_cancel_op},
    {0},
};
