/* tls_bench.c: a connection under TLS, either end ours or a plain OpenSSL. */
#include "tls_bench.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char folder[] = "build/certificates";

static int make_certificates(void *unused)
{
    (void)unused;
    static const char command[] = "mkdir -p build && exec 9>build/certificates.lock && flock 9 && "
                                  "{ test -e build/certificates/self-signed.pem || "
                                  "tests/tools/make_certificates build/certificates; }";
    return system(command) == 0 ? 0 : 1;
}

const char *certificate(const char *file)
{
    static char paths[32][100];
    static int next;
    char *path = paths[next++ % 32];
    snprintf(path, sizeof paths[0], "%s/self-signed.pem", folder);
    if (access(path, R_OK) != 0) {
        char said[400] = "";
        if (in_child(make_certificates, NULL, said, sizeof said) != 0)
            FAIL("no certificates: %.300s", said);
    }
    snprintf(path, sizeof paths[0], "%s/%s", folder, file);
    return path;
}

static void told(void *context)
{
    party_note(&((struct tls_end *)context)->party, "RET");
}

static void hear_exception(struct loop *loop, const struct exception_context *context, void *bench)
{
    struct tls_bench *self = bench;
    bool servers = self->server.called && context->protocol == &self->server.party.protocol;
    (void)loop;
    party_note(servers ? &self->server.party : &self->client.party, "EXH[%s|%s]", context->message,
        error_name(context->exception));
}

static void hear_log(void *bench, enum log_level level, const char *text)
{
    struct tls_bench *self = bench;
    if (level >= LOG_LEVEL_WARNING)
        party_note(&self->client.party, "LOG[%s]", text);
}

static void begin_end(struct tls_bench *bench, struct tls_end *end)
{
    party_init(&end->party);
    future_init(&end->done, bench->loop);
    handle_init(&end->told, told, end);
    CHECK_INT(future_add_done_callback(&end->done, &end->told), 0);
}

static struct tls_context *made(struct tls_context *context, struct error *error)
{
    if (context == NULL)
        FAIL("no context: %s", error->text);
    error_release(error);
    REQUIRE(context != NULL);
    return context;
}

static void make_contexts(struct tls_bench *bench, const struct tls_context_options *client,
    const struct tls_context_options *server)
{
    struct tls_context_options ours;
    struct error *error = NULL;
    ours = client != NULL ? *client : (struct tls_context_options){.ca_file = certificate("ca.pem")};
    bench->client.context = tls_client_context(&ours, &error);
    made(bench->client.context, error);
    ours = server != NULL ? *server
                          : (struct tls_context_options){
                                .cert_file = certificate("server.pem"), .key_file = certificate("server.key")};
    bench->server.context = tls_server_context(&ours, &error);
    made(bench->server.context, error);
}

static void begin(struct tls_bench *bench, void (*pair)(int ends[2]), const struct tls_context_options *client,
    const struct tls_context_options *server)
{
    *bench = (struct tls_bench){.name = "localhost"};
    make_contexts(bench, client, server);
    bench->loop = new_loop();
    loop_set_exception_handler(bench->loop, hear_exception, bench);
    loop_set_log(bench->loop, hear_log, bench);
    pair(bench->fds);
    fcntl(bench->fds[1], F_SETFL, O_NONBLOCK);
    begin_end(bench, &bench->client);
    begin_end(bench, &bench->server);
}

void tls_begin(struct tls_bench *bench, const struct tls_context_options *client,
    const struct tls_context_options *server)
{
    begin(bench, tcp_pair, client, server);
}

void tls_begin_over(struct tls_bench *bench, void (*pair)(int ends[2]))
{
    begin(bench, pair, NULL, NULL);
}

static void end_end(struct tls_end *end)
{
    handle_cancel(&end->told);
    future_destroy(&end->done);
    if (end->transport != NULL)
        transport_abort(end->transport);
}

static void check_end(const struct tls_end *end)
{
    CHECK_INT(end->party.released, end->called ? 1 : 0);
    CHECK_INT(end->party.lost, end->party.made);
}

void tls_end(struct tls_bench *bench)
{
    kernel_reset();
    end_end(&bench->client);
    end_end(&bench->server);
    settle(bench->loop);
    if (bench->peer != NULL)
        peer_leaves(bench);
    for (int i = 0; i < 2; i++)
        if (bench->fds[i] >= 0)
            close(bench->fds[i]);
    settle(bench->loop);
    transport_release(bench->client.transport);
    transport_release(bench->server.transport);
    free_loop(bench->loop);
    check_end(&bench->client);
    check_end(&bench->server);
    tls_context_release(bench->client.context);
    tls_context_release(bench->server.context);
}

void call_client(struct tls_bench *bench)
{
    const struct connection_options options = {
        .sock = &bench->fds[0],
        .tls = bench->client.context,
        .server_hostname = bench->name,
        .tls_handshake_timeout = bench->handshake_timeout,
        .tls_shutdown_timeout = bench->shutdown_timeout,
    };
    bench->client.called = true;
    CHECK_INT(loop_create_connection(bench->loop, &bench->client.done, party_factory, &bench->client.party, NULL, 0,
                  &options),
        0);
    bench->fds[0] = -1;
}

void call_server(struct tls_bench *bench)
{
    const struct connection_options options = {
        .tls = bench->server.context,
        .tls_handshake_timeout = bench->handshake_timeout,
        .tls_shutdown_timeout = bench->shutdown_timeout,
    };
    bench->server.called = true;
    CHECK_INT(loop_connect_accepted_socket(bench->loop, &bench->server.done, party_factory, &bench->server.party,
                  bench->fds[1], &options),
        0);
    bench->fds[1] = -1;
}

static bool calls_are_done(void *context)
{
    struct tls_bench *bench = context;
    return (!bench->client.called || future_done(&bench->client.done))
        && (!bench->server.called || future_done(&bench->server.done));
}

static void take_transport(struct tls_end *end)
{
    void *transport = NULL;
    if (end->called && end->transport == NULL && future_done(&end->done)
        && future_result(&end->done, &transport) == 0)
        end->transport = transport;
}

void run_calls(struct tls_bench *bench)
{
    if (!run_until(bench->loop, calls_are_done, bench))
        FAIL("a call does not complete; the client: %.300s; the server: %.300s", bench->client.party.story,
            bench->server.party.story);
    take_transport(&bench->client);
    take_transport(&bench->server);
    settle(bench->loop);
}

static void clear_story(struct tls_end *end)
{
    if (end->called)
        CHECK_TEXT(end->party.story, "CM;RET");
    end->party.story[0] = '\0';
}

void tls_meet(struct tls_bench *bench)
{
    call_server(bench);
    call_client(bench);
    run_calls(bench);
    REQUIRE(bench->client.transport != NULL && bench->server.transport != NULL);
    clear_story(&bench->client);
    clear_story(&bench->server);
}

void check_call(struct tls_end *end, int code, const char *text, const char *file, int line)
{
    int actual = future_result(&end->done, NULL);
    const struct error *error = future_exception(&end->done);
    check_integer(actual, code, "how the call ended", file, line);
    if (text != NULL)
        check_text(error == NULL ? "no error" : error->text, text, "the error of the call", file, line);
}

/* The plain peer. */

SSL_CTX *peer_client_context(void)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    REQUIRE(context != NULL);
    REQUIRE(SSL_CTX_load_verify_file(context, certificate("ca.pem")) == 1);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    return context;
}

SSL_CTX *peer_server_context(const char *name)
{
    char file[60];
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    REQUIRE(context != NULL);
    snprintf(file, sizeof file, "%s.pem", name);
    REQUIRE(SSL_CTX_use_certificate_chain_file(context, certificate(file)) == 1);
    snprintf(file, sizeof file, "%s.key", name);
    REQUIRE(SSL_CTX_use_PrivateKey_file(context, certificate(file), SSL_FILETYPE_PEM) == 1);
    return context;
}

void peer_begin(struct tls_bench *bench, SSL_CTX *context, bool is_server)
{
    int which = is_server ? 1 : 0;
    fcntl(bench->fds[which], F_SETFL, O_NONBLOCK);
    bench->peer_context = context;
    bench->peer = SSL_new(context);
    REQUIRE(bench->peer != NULL);
    SSL_set_fd(bench->peer, bench->fds[which]);
    if (is_server)
        SSL_set_accept_state(bench->peer);
    else
        SSL_set_connect_state(bench->peer);
}

int peer_fd(const struct tls_bench *bench)
{
    return SSL_get_fd(bench->peer);
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* Whether to try again: OpenSSL waits for the other end, and the loop has had a turn. */
static bool turn(struct tls_bench *bench, int result, double end, int *outcome)
{
    const struct timespec moment = {.tv_nsec = 200000};
    *outcome = result > 0 ? 1 : -SSL_get_error(bench->peer, result);
    if (*outcome != -SSL_ERROR_WANT_READ && *outcome != -SSL_ERROR_WANT_WRITE)
        return false;
    if (now() > end) {
        *outcome = -1000;
        return false;
    }
    pass(bench->loop);
    if (kernel_found() == 0)
        nanosleep(&moment, NULL);
    return true;
}

int peer_handshake(struct tls_bench *bench)
{
    double end = now() + patience() / 2;
    int outcome;
    while (turn(bench, SSL_do_handshake(bench->peer), end, &outcome))
        continue;
    return outcome;
}

int peer_write(struct tls_bench *bench, const char *text)
{
    double end = now() + patience() / 2;
    int outcome;
    while (turn(bench, SSL_write(bench->peer, text, (int)strlen(text)), end, &outcome))
        continue;
    return outcome;
}

int peer_read(struct tls_bench *bench, char *text, size_t size)
{
    double end = now() + patience() / 2;
    size_t length = 0;
    int outcome = 1;
    while (length < size - 1) {
        int got = SSL_read(bench->peer, text + length, (int)(size - 1 - length));
        if (got > 0)
            length += (size_t)got;
        else if (!turn(bench, got, end, &outcome))
            break;
    }
    text[length] = '\0';
    return length == size - 1 ? 1 : outcome;
}

void check_peer_reads(struct tls_bench *bench, const char *expected, const char *file, int line)
{
    char text[4000];
    peer_read(bench, text, strlen(expected) + 1);
    check_text(text, expected, "what the peer received", file, line);
}

int peer_hears_end(struct tls_bench *bench)
{
    char text[2];
    return -peer_read(bench, text, sizeof text);
}

void peer_says_goodbye(struct tls_bench *bench)
{
    SSL_shutdown(bench->peer);
}

void peer_leaves(struct tls_bench *bench)
{
    int fd = peer_fd(bench);
    SSL_free(bench->peer);
    SSL_CTX_free(bench->peer_context);
    bench->peer = NULL;
    for (int i = 0; i < 2; i++)
        if (bench->fds[i] == fd) {
            close(fd);
            bench->fds[i] = -1;
        }
}

void meet_plain_client(struct tls_bench *bench)
{
    peer_begin(bench, peer_client_context(), false);
    call_server(bench);
    CHECK_INT(peer_handshake(bench), 1);
    run_calls(bench);
    REQUIRE(bench->server.transport != NULL);
    clear_story(&bench->server);
}

void meet_plain_server(struct tls_bench *bench)
{
    peer_begin(bench, peer_server_context("server"), true);
    call_client(bench);
    CHECK_INT(peer_handshake(bench), 1);
    run_calls(bench);
    REQUIRE(bench->client.transport != NULL);
    clear_story(&bench->client);
}

/* Memory. */

/* Past the table of the tests' own blocks. */
void *__real_malloc(size_t size);
void *__real_realloc(void *block, size_t size);
void __real_free(void *block);

static size_t allocated;

static void *count_malloc(size_t size, const char *file, int line)
{
    (void)file, (void)line;
    void *block = __real_malloc(size);
    allocated += block == NULL ? 0 : malloc_usable_size(block);
    return block;
}

static void count_free(void *block, const char *file, int line)
{
    (void)file, (void)line;
    allocated -= block == NULL ? 0 : malloc_usable_size(block);
    __real_free(block);
}

static void *count_realloc(void *block, size_t size, const char *file, int line)
{
    (void)file, (void)line;
    size_t before = block == NULL ? 0 : malloc_usable_size(block);
    void *moved = __real_realloc(block, size);
    if (moved != NULL || size == 0)
        allocated += (moved == NULL ? 0 : malloc_usable_size(moved)) - before;
    return moved;
}

size_t openssl_bytes(void)
{
    static bool counts;
    if (!counts)
        counts = CRYPTO_set_mem_functions(count_malloc, count_realloc, count_free) == 1;
    return allocated;
}
