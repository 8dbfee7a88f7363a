#include "escaped.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

void escaped_init(struct escaped *escaped, size_t limit)
{
    *escaped = (struct escaped){.limit = limit};
}

static int add(struct escaped *self, const char *data, size_t size)
{
    if (size > self->limit - self->begun_size)
        return -EMSGSIZE;
    size_t needed = self->begun_size + size;
    if (needed > self->begun_room) {
        size_t room = needed < 2 * self->begun_room ? 2 * self->begun_room : needed;
        char *larger = realloc(self->begun, room);
        if (larger == NULL)
            return -ENOMEM;
        self->begun = larger;
        self->begun_room = room;
    }
    if (size > 0)
        memcpy(self->begun + self->begun_size, data, size);
    self->begun_size = needed;
    return 0;
}

static int hand_out(
    struct escaped *self, const char *data, size_t size, frame_taker *take, void *context)
{
    int failed = add(self, data, size);
    if (failed)
        return failed;
    self->stopped = !take(context, self->begun != NULL ? self->begun : data, self->begun_size);
    escaped_clear(self);
    return 0;
}

static const char *find(const char *at, const char *end, char byte)
{
    const char *found = memchr(at, byte, (size_t)(end - at));
    return found != NULL ? found : end;
}

static int cut(struct escaped *self, const char *at, const char *end, frame_taker *take, void *context)
{
    const char *newline = find(at, end, '\n'), *backslash = find(at, end, '\\');
    int failed = 0;
    while (at < end && !failed && !self->stopped) {
        newline = newline < at ? find(at, end, '\n') : newline;
        backslash = backslash < at ? find(at, end, '\\') : backslash;
        if (self->escape) {
            failed = add(self, at++, 1);
            self->escape = false;
        } else if (newline < backslash) {
            failed = hand_out(self, at, (size_t)(newline - at), take, context);
            at = newline + 1;
        } else {
            failed = add(self, at, (size_t)(backslash - at));
            self->escape = backslash < end;
            at = backslash < end ? backslash + 1 : end;
        }
    }
    return failed;
}

int escaped_feed(
    struct escaped *escaped, const void *data, size_t size, frame_taker *take, void *context)
{
    if (escaped->refused || escaped->stopped || size == 0)
        return escaped->refused;
    const char *at = data;
    escaped->refused = cut(escaped, at, at + size, take, context);
    if (escaped->refused || escaped->stopped)
        escaped_clear(escaped);
    return escaped->refused;
}

bool escaped_is_open(const struct escaped *escaped)
{
    return escaped->begun_size > 0 || escaped->escape;
}

size_t escape_line(char *into, const char *line, size_t size)
{
    char *at = into;
    for (size_t i = 0; i < size; i++) {
        if (line[i] == '\n' || line[i] == '\\')
            *at++ = '\\';
        *at++ = line[i];
    }
    *at++ = '\n';
    return (size_t)(at - into);
}

void escaped_clear(struct escaped *escaped)
{
    free(escaped->begun);
    escaped->begun = NULL;
    escaped->begun_size = escaped->begun_room = 0;
    escaped->escape = false;
}
