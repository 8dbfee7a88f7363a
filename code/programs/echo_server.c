/* echo_server.c - tangled from chapters/03-protocols.nw; edit that file, not this one. */
/* The article's echo server. */
#include "arguments.h"
#include "echo.h"
#include "loop.h"
#include "serve.h"
#include <stdio.h>

int main(int argc, char **argv)
{
    struct echo_server echo = {.quiet = false};
    const char *host = "127.0.0.1";
    int port = 8888;
    const struct argument arguments[] = {
        {"--host", ARGUMENT_TEXT, &host, "where to listen; '': everywhere (127.0.0.1)"},
        {"--port", ARGUMENT_PORT, &port, "the port; 0: any (8888)"},
        {"--quiet", ARGUMENT_FLAG, &echo.quiet, "print nothing but the address"},
    };
    int status = arguments_parse(argc, argv, "Sends back whatever it is sent.", arguments, 3);
    if (status >= 0)
        return status;
    struct loop *loop = loop_create(NULL);
    status = serve("echo_server", loop, echo_server_protocol, &echo, host, port, NULL);
    loop_free(loop);
    if (status == 0 && !echo.quiet)
        printf("Server shut down.\n");
    return status;
}
