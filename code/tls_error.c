/* tls_error.c - tangled from chapters/07-tls.nw; edit that file, not this one. */
#include "error.h"
#include "tls_private.h"
#include <ctype.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

const struct error_domain error_tls = {"tls"};
const struct error_domain error_tls_verify = {"tls verify"};

static struct error *verify_error(long code, const char *hostname)
{
    static const char failed[] = "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed:";
    const char *what = code == X509_V_ERR_HOSTNAME_MISMATCH ? "Hostname"
        : code == X509_V_ERR_IP_ADDRESS_MISMATCH            ? "IP address"
                                                            : NULL;
    if (what == NULL)
        return error_new(&error_tls_verify, (int)code, "%s %s", failed, X509_verify_cert_error_string(code));
    return error_new(&error_tls_verify, (int)code,
        "%s %s mismatch, certificate is not valid for '%s'.", failed, what, hostname);
}

struct error *tls_error(SSL *ssl, const char *hostname)
{
    unsigned long code = ERR_peek_last_error();
    int reason = ERR_GET_REASON(code);
    const char *text = code == 0 ? NULL : ERR_reason_error_string(code);
    if (ssl != NULL && ERR_GET_LIB(code) == ERR_LIB_SSL && reason == SSL_R_CERTIFICATE_VERIFY_FAILED)
        return verify_error(SSL_get_verify_result(ssl), hostname);
    if (text == NULL)
        return error_new(&error_tls, reason, "[SSL] error %d", reason);
    char name[80];
    size_t length = 0;
    for (; length < sizeof name - 1 && text[length] != '\0'; length++)
        name[length] = text[length] == ' ' ? '_' : (char)toupper((unsigned char)text[length]);
    name[length] = '\0';
    const char *lib = ERR_GET_LIB(code) == ERR_LIB_SSL ? "SSL" : ERR_lib_error_string(code);
    return error_new(&error_tls, reason, "[%s: %s] %s", lib, name, text);
}
