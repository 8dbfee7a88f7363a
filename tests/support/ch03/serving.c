/* serving.c: recording protocols that hear the peer's end, factories of them, servers and
   connections in a test's hands. */
#include "serving.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool hear_eof(struct protocol *protocol)
{
    struct recording *recording = (struct recording *)protocol;
    recording->ends++;
    if (recording->name != NULL)
        trace("%s.EOF", recording->name);
    else
        trace("EOF");
    if (recording->on_end != NULL)
        recording->on_end(recording);
    return recording->keep_open;
}

const struct protocol_callbacks recording_end_callbacks = {
    .connection_made = recording_made,
    .data_received = recording_data,
    .eof_received = hear_eof,
    .connection_lost = recording_lost,
    .released = recording_released,
};

void hear_the_end(struct wire *wire)
{
    wire->protocol.protocol.callbacks = &recording_end_callbacks;
}

/* Factories. */

void factory_init(struct factory *factory)
{
    *factory = (struct factory){.most = 8};
}

struct protocol *factory_make(void *context)
{
    static const char *const names[] = {"1", "2", "3", "4", "5", "6", "7", "8"};
    struct factory *factory = context;
    if (factory->names)
        trace("factory%zu", factory->count + 1);
    if (factory->count >= factory->most || factory->count >= 8)
        return NULL;
    struct recording *recording = &factory->made[factory->count];
    recording_init(recording, factory->names ? names[factory->count] : NULL);
    recording->protocol.callbacks = &recording_end_callbacks;
    factory->count++;
    if (factory->prepare != NULL)
        factory->prepare(factory, recording);
    return &recording->protocol;
}

/* Benches. */

void bench_begin(struct bench *bench)
{
    *bench = (struct bench){.loop = new_loop()};
    factory_init(&bench->factory);
    future_init(&bench->done, bench->loop);
    handle_init(&bench->told, trace_function, "RET");
    CHECK_INT(future_add_done_callback(&bench->done, &bench->told), 0);
}

void bench_again(struct bench *bench)
{
    handle_cancel(&bench->told);
    future_destroy(&bench->done);
    future_init(&bench->done, bench->loop);
    CHECK_INT(future_add_done_callback(&bench->done, &bench->told), 0);
}

static bool is_done(void *future)
{
    return future_done(future);
}

void bench_run(struct bench *bench)
{
    if (!run_until(bench->loop, is_done, &bench->done))
        FAIL("the call does not complete; so far: %.300s", traced());
}

void check_outcome(struct bench *bench, int code, const char *text, const char *file, int line)
{
    void *result = NULL;
    int actual = future_result(&bench->done, &result);
    const struct error *error = future_exception(&bench->done);
    check_integer(actual, code, "how the call ended", file, line);
    if (text != NULL)
        check_text(error == NULL ? "no error" : error->text, text, "the error of the call", file, line);
}

void bench_listen(struct bench *bench, const struct server_options *options)
{
    void *result = NULL;
    const int *fds;
    bench_again(bench);
    CHECK_INT(loop_create_server(bench->loop, &bench->done, factory_make, &bench->factory,
                  options != NULL && (options->hosts != NULL || options->sock != NULL) ? NULL : "127.0.0.1", 0,
                  options),
        0);
    bench_run(bench);
    CHECK_OUTCOME(bench, 0, NULL);
    REQUIRE(future_result(&bench->done, &result) == 0);
    bench->server = result;
    REQUIRE(bench->server != NULL);
    REQUIRE(server_sockets(bench->server, &fds) > 0);
    bench->port = port_of(fds[0]);
    settle(bench->loop);
    trace_clear();
}

void bench_end(struct bench *bench)
{
    handle_cancel(&bench->told);
    future_destroy(&bench->done);
    if (bench->server != NULL)
        server_close(bench->server);
    server_release(bench->server);
    if (bench->transport != NULL)
        transport_abort(bench->transport);
    transport_release(bench->transport);
    if (!loop_is_closed(bench->loop))
        settle(bench->loop);
    free_loop(bench->loop);
    for (size_t i = 0; i < bench->factory.count; i++) {
        CHECK_INT(bench->factory.made[i].released, 1);
        CHECK(bench->factory.made[i].lost <= bench->factory.made[i].made);
    }
}

/* Names. */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

static int answer(void *context, const char *host, const char *service, const struct addrinfo *hints,
    struct addrinfo **result)
{
    struct fake_names *names = context;
    (void)host;
    (void)service;
    (void)hints;
    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    pthread_mutex_lock(&lock);
    if (!sigismember(&mask, SIGINT) || !sigismember(&mask, SIGUSR1))
        names->interruptible = true;
    names->calls++;
    names->waiting++;
    pthread_cond_broadcast(&changed);
    while (names->held)
        pthread_cond_wait(&changed, &lock);
    names->waiting--;
    *result = names->failure == 0 && names->count > 0 ? names->infos : NULL;
    int failure = names->failure;
    pthread_mutex_unlock(&lock);
    return failure;
}

static void count_free(void *context, struct addrinfo *result)
{
    struct fake_names *names = context;
    (void)result;
    pthread_mutex_lock(&lock);
    names->frees++;
    pthread_mutex_unlock(&lock);
}

void names_init(struct loop *loop, struct fake_names *names)
{
    *names = (struct fake_names){.count = 0};
    loop_set_getaddrinfo(loop, answer, count_free, names);
}

void names_add(struct fake_names *names, const char *numeric, int port)
{
    struct sockaddr_storage *address = &names->addresses[names->count];
    struct addrinfo *info = &names->infos[names->count];
    struct sockaddr_in *four = (struct sockaddr_in *)address;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)address;
    *info = (struct addrinfo){.ai_socktype = SOCK_STREAM, .ai_addr = (struct sockaddr *)address};
    if (inet_pton(AF_INET, numeric, &four->sin_addr) == 1) {
        info->ai_family = four->sin_family = AF_INET;
        four->sin_port = htons((uint16_t)port);
        info->ai_addrlen = sizeof *four;
    } else {
        REQUIRE(inet_pton(AF_INET6, numeric, &six->sin6_addr) == 1);
        info->ai_family = six->sin6_family = AF_INET6;
        six->sin6_port = htons((uint16_t)port);
        info->ai_addrlen = sizeof *six;
    }
    if (names->count > 0)
        names->infos[names->count - 1].ai_next = info;
    names->count++;
}

void names_hold(struct fake_names *names)
{
    pthread_mutex_lock(&lock);
    names->held = true;
    pthread_mutex_unlock(&lock);
}

void names_release(struct fake_names *names)
{
    pthread_mutex_lock(&lock);
    names->held = false;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

void names_wait_for_lookup(struct fake_names *names)
{
    pthread_mutex_lock(&lock);
    while (names->waiting == 0)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
}

int names_calls(struct fake_names *names)
{
    pthread_mutex_lock(&lock);
    int calls = names->calls;
    pthread_mutex_unlock(&lock);
    return calls;
}

int names_frees(struct fake_names *names)
{
    pthread_mutex_lock(&lock);
    int frees = names->frees;
    pthread_mutex_unlock(&lock);
    return frees;
}

/* A full queue: one connection waits in it, the next ones' SYN is dropped. */

void full_listener_begin(struct full_listener *listener)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    listener->fd = listen_on_loopback(&listener->port, 0);
    address.sin_port = htons((uint16_t)listener->port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (int i = 0; i < 4; i++) {
        struct pollfd entry = {.events = POLLOUT};
        entry.fd = listener->fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        REQUIRE(listener->fillers[i] >= 0);
        fcntl(listener->fillers[i], F_SETFL, O_NONBLOCK);
        connect(listener->fillers[i], (struct sockaddr *)&address, sizeof address);
        poll(&entry, 1, 5);
    }
}

void full_listener_end(struct full_listener *listener)
{
    for (int i = 0; i < 4; i++)
        close(listener->fillers[i]);
    close(listener->fd);
}
