/* letterbox.h - tangled from chapters/07-tls.nw; edit that file, not this one. */
#ifndef LETTERBOX_H
#define LETTERBOX_H

struct protocol;
struct tls_context;

/* What all visitors share. */
struct letterbox {
    struct tls_context *tls; /* a server's */
    void (*stored)(void *context, const char *user, const char *letter); /* lent for the call */
    void *context;
};

/* A protocol factory; the context is the struct letterbox *. Begun in plain text. Each line is
   answered by one:

     USER name     "Welcome, name"
     STARTTLS      "Ready", and then a handshake; "Already" under TLS
     LETTER text   under TLS and from a user: the letter is stored, "Stored".
                   "STARTTLS first"; "USER first"
     others        "What?"

   Nothing that came before the handshake has an effect after it: no line, no part of one, no name.
   What stands behind STARTTLS in plain text is dropped without an answer. */
struct protocol *letterbox_protocol(void *letterbox);

#endif
