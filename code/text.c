/* text.c - tangled from chapters/03-protocols.nw; edit that file, not this one. */
#include "text.h"
#include <stdbool.h>
#include <stdint.h>

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r') || (c >= '\x1c' && c <= '\x1f');
}

void text_strip(const char **text, size_t *size)
{
    while (*size > 0 && is_blank((*text)[*size - 1]))
        --*size;
    while (*size > 0 && is_blank(**text)) {
        ++*text;
        --*size;
    }
}

static bool can_be_shown(uint_least32_t code)
{
    if (code == '\n' || code == '\t')
        return true;
    if (code < 0x20 || (code >= 0x7f && code < 0xa0))
        return false;
    return code < 0xd800 || (code > 0xdfff && code <= 0x10ffff);
}

static const struct form {
    unsigned char mask, lead;
    uint_least32_t least;
} forms[] = {
    {0x80, 0x00, 0},
    {0xe0, 0xc0, 0x80},
    {0xf0, 0xe0, 0x800},
    {0xf8, 0xf0, 0x10000},
};

static bool is_character(const unsigned char *bytes, size_t length)
{
    const struct form *form = &forms[length - 1];
    uint_least32_t code = bytes[0] & (unsigned char)~form->mask;
    for (size_t i = 1; i < length; i++) {
        if ((bytes[i] & 0xc0) != 0x80)
            return false;
        code = code * 64 + (bytes[i] & 0x3f);
    }
    return code >= form->least && can_be_shown(code);
}

static size_t shown_size(const unsigned char *bytes, size_t size)
{
    for (size_t length = 1; length <= 4 && length <= size; length++)
        if ((bytes[0] & forms[length - 1].mask) == forms[length - 1].lead)
            return is_character(bytes, length) ? length : 0;
    return 0;
}

void text_print(FILE *file, const char *bytes, size_t size)
{
    while (size > 0) {
        size_t length = shown_size((const unsigned char *)bytes, size);
        if (length > 0)
            fwrite(bytes, 1, length, file);
        else
            fprintf(file, "\\x%02x", (unsigned char)*bytes);
        bytes += length > 0 ? length : 1;
        size -= length > 0 ? length : 1;
    }
}
