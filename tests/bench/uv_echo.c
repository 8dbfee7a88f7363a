/* The echo on libuv, when its header (Debian package libuv1-dev) was there to compile with. */
#include <stdio.h>

#if defined __has_include
#if __has_include(<uv.h>)
#define HAVE_LIBUV
#endif
#endif

#ifdef HAVE_LIBUV
#include <stdlib.h>
#include <uv.h>

static char shared[64 * 1024];

static void stop_on_error(int failed, const char *what)
{
    if (failed == 0)
        return;
    fprintf(stderr, "uv_echo: %s: %s\n", what, uv_strerror(failed));
    exit(1);
}

static void closed(uv_handle_t *handle)
{
    free(handle);
}

static void lend(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    (void)handle;
    (void)suggested;
    *buffer = uv_buf_init(shared, sizeof shared);
}

static void received(uv_stream_t *stream, ssize_t size, const uv_buf_t *buffer)
{
    if (size == 0)
        return;
    uv_buf_t answer = uv_buf_init(buffer->base, size > 0 ? (unsigned)size : 0);
    if (size < 0 || uv_try_write(stream, &answer, 1) != (int)size)
        uv_close((uv_handle_t *)stream, closed);
}

static void arrived(uv_stream_t *server, int failed)
{
    uv_tcp_t *client = malloc(sizeof *client);
    stop_on_error(client == NULL ? UV_ENOMEM : failed, "connection");
    uv_tcp_init(server->loop, client);
    stop_on_error(uv_accept(server, (uv_stream_t *)client), "accept");
    uv_tcp_nodelay(client, 1);
    stop_on_error(uv_read_start((uv_stream_t *)client, lend, received), "read");
}

static void interrupted(uv_signal_t *watcher, int number)
{
    (void)number;
    uv_stop(watcher->loop);
}

int main(int argc, char **argv)
{
    uv_loop_t *loop = uv_default_loop();
    uv_tcp_t server;
    uv_signal_t watcher;
    struct sockaddr_in address;
    int size = sizeof address;
    /* --port is the only option, and its value is always 0 here */
    (void)argc;
    (void)argv;
    uv_ip4_addr("127.0.0.1", 0, &address);
    uv_tcp_init(loop, &server);
    stop_on_error(uv_tcp_bind(&server, (const struct sockaddr *)&address, 0), "bind");
    stop_on_error(uv_listen((uv_stream_t *)&server, 100, arrived), "listen");
    uv_signal_init(loop, &watcher);
    uv_signal_start(&watcher, interrupted, 2);
    uv_tcp_getsockname(&server, (struct sockaddr *)&address, &size);
    const unsigned char *port = (const unsigned char *)&address.sin_port;
    printf("Serving on ('127.0.0.1', %d)\n", port[0] * 256 + port[1]);
    fflush(stdout);
    uv_run(loop, UV_RUN_DEFAULT);
    return 0;
}
#else
int main(void)
{
    fprintf(stderr, "uv_echo: was compiled without libuv (Debian package libuv1-dev)\n");
    return 3;
}
#endif
