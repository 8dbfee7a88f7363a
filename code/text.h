/* text.h - tangled from chapters/03-protocols.nw; edit that file, not this one. */
#ifndef TEXT_H
#define TEXT_H

#include <stddef.h>
#include <stdio.h>

/* Narrows a piece of text to what lies between its leading and trailing ASCII blanks: space, \t \n
   \v \f \r and \x1c to \x1f, as Python's str.strip() has them. */
void text_strip(const char **text, size_t *size);

/* Prints bytes that may not be text: UTF-8 as it is, other bytes and control characters (newline
   and tab excepted) as \xNN, so that nobody can send commands to a terminal. */
void text_print(FILE *file, const char *bytes, size_t size);

#endif
