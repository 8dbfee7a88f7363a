/* tls_transport.c - tangled from chapters/07-tls.nw; edit that file, not this one. */
#include "tls_transport.h"
#include "future.h"
#include "loop_private.h"
#include "write_buffer.h"
#include <assert.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

static const struct transport_methods tls_methods;

static struct tls_layer *layer_of(struct protocol *protocol)
{
    return (struct tls_layer *)protocol;
}

static struct tls_layer *layer_under(const struct transport *above)
{
    return (struct tls_layer *)((char *)above - offsetof(struct tls_layer, transport));
}

static int read_lent(BIO *bio, char *to, size_t room, size_t *taken)
{
    struct tls_layer *self = BIO_get_data(bio);
    size_t size = self->lent_size < room ? self->lent_size : room;
    BIO_clear_retry_flags(bio);
    if (size == 0) {
        BIO_set_retry_read(bio);
        return 0;
    }
    memcpy(to, self->lent, size);
    self->lent += size;
    self->lent_size -= size;
    *taken = size;
    return 1;
}

static int write_below(BIO *bio, const char *from, size_t size, size_t *taken)
{
    struct tls_layer *self = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    transport_write(self->below, from, size);
    *taken = size;
    return 1;
}

static long control(BIO *bio, int command, long number, void *pointer)
{
    (void)bio, (void)number, (void)pointer;
    return command == BIO_CTRL_FLUSH;
}

BIO_METHOD *tls_bio_method(void)
{
    BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "the transport below");
    if (method == NULL)
        return NULL;
    BIO_meth_set_read_ex(method, read_lent);
    BIO_meth_set_write_ex(method, write_below);
    BIO_meth_set_ctrl(method, control);
    return method;
}

static void send_held(struct tls_layer *self)
{
    if (!self->held)
        return;
    self->held = false;
    transport_uncork(self->below);
}

static void send_close_notify(struct tls_layer *self)
{
    ERR_clear_error();
    if ((SSL_get_shutdown(self->ssl) & SSL_SENT_SHUTDOWN) == 0)
        SSL_shutdown(self->ssl);
    send_held(self);
}

static void see_loss(struct tls_layer *self)
{
    if (self->below->lost && self->state != TLS_HANDSHAKE)
        self->transport.closing = self->transport.lost = true;
}

static void tls_abort(struct transport *above, const struct error *exc)
{
    struct tls_layer *self = layer_under(above);
    above->closing = above->lost = true;
    above->exc = error_retain(exc);
    self->aborted = true;
    self->state = TLS_OVER;
    timer_handle_cancel(&self->limit);
    write_buffer_clear(&self->kept);
    if (!self->below->lost)
        self->below->methods->abort(self->below, exc);
}

static void break_off(struct tls_layer *self, struct error *exc)
{
    if (!self->transport.lost)
        tls_abort(&self->transport, exc);
    error_release(exc);
}

static void tell_waiters(struct tls_layer *self)
{
    struct handle *waiter = self->waiter;
    struct future *done = self->done;
    self->waiter = NULL;
    self->done = NULL;
    if (waiter != NULL)
        loop_call_soon(self->transport.loop, waiter);
    if (done == NULL)
        return;
    if (self->failure != NULL)
        future_set_exception(done, self->failure);
    else
        future_set_result(done, transport_retain(&self->transport));
}

static void fail_handshake(struct tls_layer *self, struct error *error)
{
    struct transport *above = &self->transport;
    self->state = TLS_OVER;
    self->failure = error;
    tell_waiters(self);
    if (above->made) {
        above->exc = error_retain(error);
        transport_end(above);
    } else
        transport_discard(above);
}

static void handshake_refused(struct tls_layer *self)
{
    struct transport *below = self->below;
    fail_handshake(self, tls_error(self->ssl, self->settings.hostname));
    if (!self->settings.context->server_side || transport_write_eof(below) != 0)
        transport_close(below);
    else if (loop_call_later(below->loop, self->settings.handshake_timeout, &self->limit) != 0)
        transport_abort(below);
}

static void handshake_done(struct tls_layer *self)
{
    static const struct protocol_call call = {
        "Fatal error: protocol.connection_made() call failed.", true};
    struct transport *above = &self->transport;
    self->state = TLS_OPEN;
    timer_handle_cancel(&self->limit);
    tell_waiters(self);
    if (above->made)
        return;
    above->made = true;
    if (above->protocol->callbacks->connection_made == NULL)
        return;
    const struct protocol_call *outer = transport_enter(above, &call);
    above->protocol->callbacks->connection_made(above->protocol, above);
    transport_leave(above, outer);
}

static void continue_handshake(struct tls_layer *self)
{
    ERR_clear_error();
    int result = SSL_do_handshake(self->ssl);
    if (result == 1)
        handshake_done(self);
    else if (SSL_get_error(self->ssl, result) != SSL_ERROR_WANT_READ)
        handshake_refused(self);
}

static void follow_low_mark(struct tls_layer *self)
{
    uint32_t low = self->transport.low;
    if (self->below->low != low || self->below->high != low)
        transport_set_write_buffer_limits(self->below, low, low);
}

static void begin_handshake(struct tls_layer *self)
{
    int failed = loop_call_later(
        self->transport.loop, self->settings.handshake_timeout, &self->limit);
    if (failed != 0) {
        transport_lose_by_errno(self->below, -failed);
        return;
    }
    follow_low_mark(self);
    continue_handshake(self);
}

static void tell_eof(struct tls_layer *self)
{
    static const struct protocol_call call = {"Error calling eof_received()", true};
    struct transport *above = &self->transport;
    struct protocol *protocol = above->protocol;
    if (self->eof || protocol->callbacks->eof_received == NULL)
        return;
    self->eof = true;
    const struct protocol_call *outer = transport_enter(above, &call);
    bool keep_open = protocol->callbacks->eof_received(protocol);
    transport_leave(above, outer);
    if (keep_open)
        loop_log(above->loop, LOG_LEVEL_WARNING,
            "returning true from eof_received() has no effect when using ssl");
}

static void finish(struct tls_layer *self, bool say_so)
{
    tell_eof(self);
    if (self->state == TLS_OVER)
        return;
    if (say_so)
        send_close_notify(self);
    self->state = TLS_OVER;
    self->transport.closing = true;
    timer_handle_cancel(&self->limit);
    transport_close(self->below);
}

static void *borrow(struct tls_layer *self, size_t *room)
{
    static const struct protocol_call call = {
        "Fatal error: protocol.get_buffer() call failed.", true};
    struct transport *above = &self->transport;
    struct protocol *protocol = above->protocol;
    const struct protocol_call *outer = transport_enter(above, &call);
    *room = 0;
    void *memory = protocol->callbacks->get_buffer(protocol, -1, room);
    if ((memory == NULL || *room == 0) && !above->closing) {
        struct error *error = error_new(
            &error_application, EINVAL, "get_buffer() returned an empty buffer");
        transport_fail(above, error);
        error_release(error);
    }
    transport_leave(above, outer);
    return above->closing || above->protocol != protocol ? NULL : memory;
}

static int decrypt(struct tls_layer *self, char *memory, size_t room, size_t *size)
{
    *size = 0;
    ERR_clear_error();
    while (*size < room) {
        size_t part = 0;
        int result = SSL_read_ex(self->ssl, memory + *size, room - *size, &part);
        if (result <= 0)
            return SSL_get_error(self->ssl, result);
        *size += part;
        if (self->lent_size == 0 && !SSL_has_pending(self->ssl))
            return SSL_ERROR_WANT_READ;
    }
    return SSL_ERROR_NONE;
}

static bool wants_records(const struct tls_layer *self)
{
    return self->state == TLS_CLOSING
        || (self->state == TLS_OPEN && !self->transport.reading_paused);
}

static void deliver(struct tls_layer *self, const void *memory, size_t size, bool borrowed)
{
    static const struct protocol_call call = {"Fatal error on SSL protocol", true};
    struct transport *above = &self->transport;
    struct protocol *protocol = above->protocol;
    const struct protocol_call *outer = transport_enter(above, &call);
    if (borrowed && protocol->callbacks->buffer_updated != NULL)
        protocol->callbacks->buffer_updated(protocol, size);
    else if (!borrowed && protocol->callbacks->data_received != NULL)
        protocol->callbacks->data_received(protocol, memory, size);
    transport_leave(above, outer);
}

static bool read_once(struct tls_layer *self)
{
    struct transport *above = &self->transport;
    char *memory = above->loop->transports->plaintext;
    size_t room = RECEIVE_SIZE, size;
    bool borrowed = self->state == TLS_OPEN && above->protocol->callbacks->get_buffer != NULL;
    if (borrowed)
        memory = borrow(self, &room);
    if (memory == NULL)
        return false;
    int result = decrypt(self, memory, room, &size);
    struct error *error = NULL;
    if (result == SSL_ERROR_SSL || result == SSL_ERROR_SYSCALL)
        error = tls_error(self->ssl, self->settings.hostname);
    if (size > 0 && self->state == TLS_OPEN)
        deliver(self, memory, size, borrowed);
    if (error != NULL)
        break_off(self, error);
    else if (result == SSL_ERROR_ZERO_RETURN && wants_records(self))
        finish(self, true);
    return result == SSL_ERROR_NONE;
}

static void take_in(struct tls_layer *self, const char *data, size_t size)
{
    self->lent = data;
    self->lent_size = size;
    if (self->state == TLS_HANDSHAKE)
        continue_handshake(self);
    while (wants_records(self) && read_once(self))
        continue;
    SSL_free_buffers(self->ssl);
    see_loss(self);
}

static void take_in_kept(struct tls_layer *self)
{
    size_t size = write_buffer_size(self->kept);
    take_in(self, size == 0 ? NULL : write_buffer_bytes(self->kept), size);
    if (size > 0 && self->kept != NULL)
        write_buffer_drop(&self->kept, size - self->lent_size);
    if (self->state == TLS_OVER)
        write_buffer_clear(&self->kept);
}

static bool wants_more(const struct tls_layer *self)
{
    return self->state == TLS_HANDSHAKE || wants_records(self);
}

static void resumed(void *context)
{
    struct tls_layer *self = context;
    if (wants_records(self))
        take_in_kept(self);
    if (self->fin && wants_records(self))
        finish(self, false);
}

static void take_in_soon(struct tls_layer *self)
{
    if (!handle_is_scheduled(&self->soon))
        loop_call_soon(self->transport.loop, &self->soon);
}

static void below_made(struct protocol *protocol, struct transport *below)
{
    struct tls_layer *self = layer_of(protocol);
    tls_layer_put_over(self, below);
    if (self->state == TLS_HANDSHAKE)
        begin_handshake(self);
}

static void below_received(struct protocol *protocol, const void *data, size_t size)
{
    struct tls_layer *self = layer_of(protocol);
    if (self->state == TLS_OVER)
        return;
    if (self->kept == NULL && !transport_is_tls(self->below)) {
        take_in(self, data, size);
        data = self->lent;
        size = self->state == TLS_OVER ? 0 : self->lent_size;
    }
    if (size > 0 && write_buffer_append(&self->kept, data, size) != 0)
        transport_lose_by_errno(self->below, ENOMEM);
    if (self->kept != NULL && wants_more(self))
        take_in_kept(self);
}

static bool below_ended(struct protocol *protocol)
{
    struct tls_layer *self = layer_of(protocol);
    if (self->state == TLS_HANDSHAKE)
        fail_handshake(self, error_from_errno(ECONNRESET));
    if (self->state == TLS_OPEN && self->transport.reading_paused) {
        self->fin = true;
        return true;
    }
    if (self->state != TLS_OVER)
        finish(self, false);
    return false;
}

static void below_lost(struct protocol *protocol, const struct error *exc)
{
    struct tls_layer *self = layer_of(protocol);
    struct transport *above = &self->transport;
    timer_handle_cancel(&self->limit);
    if (self->state == TLS_HANDSHAKE)
        fail_handshake(self, exc != NULL ? error_retain(exc) : error_from_errno(ECONNRESET));
    self->state = TLS_OVER;
    if (above->ended)
        return;
    if (above->exc == NULL && !self->aborted)
        above->exc = error_retain(exc);
    transport_end(above);
}

static void below_drained(struct protocol *protocol)
{
    struct tls_layer *self = layer_of(protocol);
    follow_low_mark(self);
    if (!self->transport.lost && !self->transport.ended)
        transport_maybe_resume_writing(&self->transport);
}

static void below_released(struct protocol *protocol)
{
    struct tls_layer *self = layer_of(protocol);
    self->state = TLS_OVER;
    timer_handle_cancel(&self->limit);
    if (!self->transport.ended)
        transport_discard(&self->transport);
    transport_release(&self->transport);
}

static const struct protocol_callbacks layer_callbacks = {
    .connection_made = below_made,
    .data_received = below_received,
    .eof_received = below_ended,
    .resume_writing = below_drained,
    .connection_lost = below_lost,
    .released = below_released,
};

static void encrypt(struct tls_layer *self, const void *data, size_t size)
{
    size_t written;
    ERR_clear_error();
    if (self->transport.lost || SSL_write_ex(self->ssl, data, size, &written) > 0)
        return;
    break_off(self, tls_error(self->ssl, self->settings.hostname));
}

static void encrypt_all(struct tls_layer *self, const struct iovec *buffers, size_t count)
{
    char record[SSL3_RT_MAX_PLAIN_LENGTH];
    size_t filled = 0;
    for (size_t i = 0; i < count; i++) {
        const char *from = buffers[i].iov_base;
        size_t left = buffers[i].iov_len;
        while (left > 0) {
            size_t part = left < sizeof record - filled ? left : sizeof record - filled;
            memcpy(record + filled, from, part);
            filled += part, from += part, left -= part;
            if (filled == sizeof record) {
                encrypt(self, record, filled);
                filled = 0;
            }
        }
    }
    if (filled > 0)
        encrypt(self, record, filled);
}

static int tls_write(
    struct transport *above, const struct iovec *buffers, size_t count, size_t size)
{
    struct tls_layer *self = layer_under(above);
    if (above->closing) {
        if (above->dropped_writes == 5)
            loop_log(above->loop, LOG_LEVEL_WARNING, "%s", above->methods->dropped_write);
        else
            above->dropped_writes++;
        return 0;
    }
    if (!self->held && (above->corks > 0 || size > SSL3_RT_MAX_PLAIN_LENGTH)) {
        self->held = true;
        transport_cork(self->below);
    }
    if (count == 1)
        encrypt(self, buffers->iov_base, buffers->iov_len);
    else
        encrypt_all(self, buffers, count);
    if (above->corks == 0)
        send_held(self);
    see_loss(self);
    follow_low_mark(self);
    if (!above->lost)
        transport_maybe_pause_writing(above);
    return 0;
}

static void tls_close(struct transport *above)
{
    struct tls_layer *self = layer_under(above);
    above->closing = true;
    if (self->state == TLS_HANDSHAKE) {
        self->waiter = NULL;
        transport_abort(self->below);
        return;
    }
    self->state = TLS_CLOSING;
    send_close_notify(self);
    if (loop_call_later(above->loop, self->settings.shutdown_timeout, &self->limit) != 0)
        transport_abort(self->below);
    transport_resume_reading(self->below);
    take_in_soon(self);
}

static void tls_pause_reading(struct transport *above)
{
    transport_pause_reading(layer_under(above)->below);
}

static void tls_resume_reading(struct transport *above)
{
    struct tls_layer *self = layer_under(above);
    take_in_soon(self);
    transport_resume_reading(self->below);
}

static void tls_uncork(struct transport *above)
{
    send_held(layer_under(above));
    see_loss(layer_under(above));
}

static size_t tls_get_write_buffer_size(const struct transport *above)
{
    const struct tls_layer *self = layer_under(above);
    return self->below == NULL ? 0 : transport_get_write_buffer_size(self->below);
}

static const void *tls_get_extra_info(const struct transport *above, const char *name)
{
    struct tls_layer *self = layer_under(above);
    const void *told = tls_layer_tell(self, name);
    if (told != NULL || self->below == NULL)
        return told;
    return transport_get_extra_info(self->below, name);
}

static void tls_stop(struct transport *above)
{
    struct tls_layer *self = layer_under(above);
    handle_cancel(&self->soon);
    write_buffer_clear(&self->kept);
    self->waiter = NULL;
    if (self->done != NULL)
        future_on_give_up(self->done, NULL, NULL);
    self->done = NULL;
}

static void tls_free(struct transport *above)
{
    struct tls_layer *self = layer_under(above);
    timer_handle_cancel(&self->limit);
    tls_layer_forget_told(self);
    SSL_free(self->ssl);
    tls_settings_clear(&self->settings);
    error_release(self->failure);
    transport_release(self->below);
    free(self);
}

static const struct transport_methods tls_methods = {
    .dropped_write = "SSL connection is closed",
    .write = tls_write,
    .close = tls_close,
    .abort = tls_abort,
    .get_write_buffer_size = tls_get_write_buffer_size,
    .get_extra_info = tls_get_extra_info,
    .stop = tls_stop,
    .finish = tls_stop,
    .free = tls_free,
    .uncork = tls_uncork,
    .pause_reading = tls_pause_reading,
    .resume_reading = tls_resume_reading,
};

bool transport_is_tls(const struct transport *transport)
{
    return transport->methods == &tls_methods;
}

static void out_of_time(void *context)
{
    struct tls_layer *self = context;
    double limit = self->settings.handshake_timeout;
    if (self->state == TLS_HANDSHAKE)
        fail_handshake(self, error_new(&error_os, ECONNABORTED,
            "SSL handshake is taking longer than %g seconds: aborting the connection", limit));
    else if (self->state == TLS_CLOSING)
        break_off(self, error_new(&error_os, ETIMEDOUT, "SSL shutdown timed out"));
    transport_abort(self->below);
}

static int check_host(SSL *ssl, const char *name)
{
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) == 1)
        return 0;
    return SSL_set1_host(ssl, name) == 1 ? 0 : -ENOMEM;
}

static bool is_number(const char *name)
{
    ASN1_OCTET_STRING *number = a2i_IPADDRESS(name);
    ASN1_OCTET_STRING_free(number);
    return number != NULL;
}

static int prepare_client(const struct tls_layer *self)
{
    const char *name = self->settings.hostname;
    bool check = self->settings.context->check_hostname;
    SSL_set_connect_state(self->ssl);
    if (name == NULL || *name == '\0')
        return check ? -EINVAL : 0;
    if (!is_number(name) && SSL_set_tlsext_host_name(self->ssl, name) != 1)
        return -EINVAL;
    return check ? check_host(self->ssl, name) : 0;
}

static int prepare_ssl(struct tls_layer *self)
{
    const struct tls_context *context = self->settings.context;
    self->ssl = SSL_new(context->ssl_ctx);
    BIO *bio = self->ssl == NULL ? NULL : BIO_new(context->bio);
    if (bio == NULL)
        return -ENOMEM;
    BIO_set_data(bio, self);
    BIO_set_init(bio, 1);
    SSL_set_bio(self->ssl, bio, bio);
    if (!context->server_side)
        return prepare_client(self);
    SSL_set_accept_state(self->ssl);
    return 0;
}

static int prepare(struct tls_layer *self, struct loop *loop, struct protocol *protocol,
    const struct tls_settings *wanted)
{
    int failed = tls_settings_take(&self->settings, wanted->context, wanted->hostname,
        wanted->handshake_timeout, wanted->shutdown_timeout);
    if (failed == 0)
        failed = prepare_ssl(self);
    if (failed == 0)
        failed = transport_init(&self->transport, &tls_methods, loop, protocol);
    return failed;
}

struct tls_layer *tls_layer_create(struct loop *loop, struct protocol *protocol,
    const struct tls_settings *wanted, struct handle *waiter)
{
    struct tls_layer *self = calloc(1, sizeof *self);
    int failed = self == NULL ? -ENOMEM : prepare(self, loop, protocol, wanted);
    if (failed != 0) {
        if (self != NULL) {
            SSL_free(self->ssl);
            tls_settings_clear(&self->settings);
        }
        free(self);
        errno = -failed;
        return NULL;
    }
    self->protocol.callbacks = &layer_callbacks;
    self->waiter = waiter;
    timer_handle_init(&self->limit, out_of_time, self);
    handle_init(&self->soon, resumed, self);
    self->transport.high = 512 * 1024;
    self->transport.low = self->transport.high / 4;
    transport_retain(&self->transport);
    return self;
}

void tls_layer_put_over(struct tls_layer *self, struct transport *below)
{
    if (self->below == NULL)
        self->below = transport_retain(below);
}

const struct error *tls_layer_failure(const struct transport *transport)
{
    const struct tls_layer *self = layer_under(transport);
    return self->failure != NULL ? self->failure : transport->exc;
}

static void upgrade_unwanted(struct future *done, void *context)
{
    struct tls_layer *self = context;
    (void)done;
    self->done = NULL;
    transport_close(&self->transport);
}

static void begin_upgrade(void *context)
{
    struct tls_layer *self = context;
    handle_init(&self->soon, resumed, self);
    if (self->state == TLS_HANDSHAKE)
        begin_handshake(self);
}

static void slip_in(struct tls_layer *self, struct transport *below, struct future *done)
{
    struct transport *above = &self->transport;
    above->made = true;
    above->writing_paused = below->writing_paused;
    tls_layer_put_over(self, below);
    self->done = done;
    future_on_give_up(done, upgrade_unwanted, self);
    struct protocol *before = below->protocol;
    below->protocol = &self->protocol;
    if (before != above->protocol)
        protocol_release(before);
    transport_resume_reading(below);
    handle_init(&self->soon, begin_upgrade, self);
    loop_call_soon(above->loop, &self->soon);
}

static int check_upgrade(const struct loop *loop, const struct transport *below,
    const struct tls_context *context, const struct start_tls_options *options)
{
    if (context == NULL || below->loop != loop || below->closing || below->eof_written)
        return -EINVAL;
    if (tls_options_are_wrong(context, options->server_hostname, options->tls_handshake_timeout,
            options->tls_shutdown_timeout))
        return -EINVAL;
    return 0;
}

int loop_start_tls(struct loop *loop, struct future *done, struct transport *below,
    struct protocol *protocol, struct tls_context *context, const struct start_tls_options *options)
{
    static const struct start_tls_options defaults;
    struct tls_settings wanted;
    if (options == NULL)
        options = &defaults;
    int failed = check_upgrade(loop, below, context, options);
    if (failed == 0)
        failed = tls_settings_take(&wanted, context, options->server_hostname,
            options->tls_handshake_timeout, options->tls_shutdown_timeout);
    if (failed != 0)
        return failed;
    struct tls_layer *layer = tls_layer_create(loop, protocol, &wanted, NULL);
    failed = layer == NULL ? -errno : 0;
    tls_settings_clear(&wanted);
    if (layer != NULL)
        slip_in(layer, below, done);
    return failed;
}
